import Files
import GraphTestSupport
import Testing

@testable import ONNX

/// Operands of any rank, size and type, known or not, and attributes of any value: every operator gives a graph or a message. A trap would end the tests.
@Suite struct HostileOperandTests {
    private static let attributes = [
        "axis", "axes", "perm", "keepdims", "group", "kernel_shape", "strides", "pads", "dilations", "output_padding", "output_shape", "ceil_mode",
        "count_include_pad", "q_num_heads", "kv_num_heads", "num_heads", "is_causal", "interleaved", "rotary_embedding_dim", "to", "blocksize", "block_size",
        "num_groups", "size", "k", "largest", "batch_dims", "split", "num_outputs", "exclusive", "reverse", "select_last_index", "upper", "transA", "transB",
        "noop_with_empty_axes", "allowzero", "start", "end", "stash_type", "starts", "ends", "p", "value_ints", "value_int", "qk_matmul_output_mode",
    ]

    @Test(arguments: ImportRegistry.operators) func aGraphOrAMessage(_ operatorName: String) throws {
        var generator = SeededGenerator(state: operatorName.utf8.reduce(1) { $0 &* 31 &+ UInt64($1) })
        func size() -> Int { [0, 1, 1, 2, 2, 3, 4].randomElement(using: &generator)! }
        func number() -> Int { [-9, -3, -2, -1, 0, 0, 1, 1, 2, 3, 4, 8].randomElement(using: &generator)! }
        for _ in 0..<120 {
            var (inputs, initializers, names): ([WireMessage], [WireMessage], [String]) = ([], [], [])
            let rank = Int.random(in: 0...5, using: &generator)
            for index in 0..<Int.random(in: 0...7, using: &generator) {
                let name = "x\(index)"
                names.append(name)
                // Now and then all are alike, so that more than the first check is passed.
                let ownRank = Bool.random(using: &generator) ? rank : Int.random(in: 0...5, using: &generator)
                let dimensions = (0..<ownRank).map { _ in size() }
                let count = dimensions.reduce(1, *)
                switch Int.random(in: 0..<8, using: &generator) {
                case 0: names[index] = ""
                case 1, 2: initializers.append(Part.tensor(name, dimensions, integers: (0..<count).map { _ in number() }))
                case 3: initializers.append(Part.tensor(name, dimensions, (0..<count).map { _ in Float(number()) }))
                case 4: inputs.append(Part.value(name, dimensions, type: [7, 9, 6, 3, 10].randomElement(using: &generator)!))
                default: inputs.append(Part.value(name, dimensions))
                }
            }
            var node = Part.node(operatorName, names, ["y", "z", "u", "v"])
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                let name = Self.attributes.randomElement(using: &generator)!
                let value: Part.Value =
                    Bool.random(using: &generator) ? .int(number()) : .ints((0..<Int.random(in: 0...5, using: &generator)).map { _ in number() })
                node.message(5, Part.attribute(name, value))
            }
            let model = Part.model(Part.graph([node], inputs: inputs, outputs: [Part.value("y", nil)], initializers: initializers))
            do { _ = try importing(model) } catch { #expect(error is InputError, "\(error)") }
        }
    }
}
