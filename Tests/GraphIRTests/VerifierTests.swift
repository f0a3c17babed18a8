import Files
import Operators
import Tensors
import Testing

@testable import GraphIR

/// One broken graph for each of the verifier's claims.
@Suite struct VerifierTests {
    private let sound = """
        graph g {
          input %x : f32[1, 4]
          parameter @w : f32[4, 4]
          %a = linear(%x, @w) : f32[1, 4]
          %b, %c = split(%a) {axis = 1, parts = 2} : f32[1, 2], f32[1, 2]
          %d = add(%b, %c) : f32[1, 2]
          output d = %d
        }
        """

    private func graph() throws -> Graph { try GraphParser.parse(sound, registry: .standard) }

    private func violations(_ check: any GraphCheck.Type, _ change: (inout Graph) -> Void) throws -> [String] {
        var graph = try graph()
        #expect(Verifier.violations(graph).isEmpty)
        change(&graph)
        let found = check.violations(graph)
        #expect(Verifier.violations(graph).count >= found.count)
        if !found.isEmpty { #expect(throws: InputError.self) { try Verifier.verify(graph) } }
        return found
    }

    @Test func everyCheckHasATest() {
        #expect(Verifier.checks.count == 6)
        #expect(Verifier.checks.allSatisfy { $0.claim.hasSuffix(".") })
    }

    @Test func operandsDominateUses() throws {
        #expect(try violations(OperandsDominateUses.self) { $0.order.swapAt(0, 1) } == ["%b reads %a, which is not made before it"])
        #expect(
            try violations(OperandsDominateUses.self) { $0.nodes[0]!.operands[0] = ValueID(index: 99) }
                == ["%a reads a value that does not exist"])
    }

    @Test func resultsBelongToTheirNodes() throws {
        #expect(
            try violations(ResultsBelongToTheirNodes.self) { $0.nodes[1]!.results.swapAt(0, 1) }
                == ["%c is defined elsewhere", "%b is defined elsewhere"])
        #expect(
            try violations(ResultsBelongToTheirNodes.self) { $0.nodes[2]!.results[0] = ValueID(index: 99) }.count == 1)
    }

    @Test func typesFollowFromOperands() throws {
        #expect(
            try violations(TypesFollowFromOperands.self) { $0.values[$0.order.count + 2]!.type = TensorType(.float32, [7]) }.isEmpty == false)
        #expect(try violations(TypesFollowFromOperands.self) { $0.nodes[1]!.op = Split(axis: 1, parts: 3) }.count == 1)
    }

    @Test func namesAreUnique() throws {
        #expect(
            try violations(NamesAreUnique.self) { graph in
                let last = graph.outputs[0].value
                graph.values[last.index]!.name = "a"
            } == ["two values named %a"])
    }

    @Test func outputsExist() throws {
        #expect(
            try violations(OutputsExist.self) { $0.outputs[0].value = ValueID(index: 99) } == ["output 'd' does not exist"])
        #expect(try violations(OutputsExist.self) { $0.outputs.append($0.outputs[0]) } == ["two outputs named 'd'"])
    }

    @Test func parametersAreIndexed() throws {
        #expect(try violations(ParametersAreIndexed.self) { $0.parametersByKey = [:] } == ["parameter @w is not indexed"])
    }
}
