import DeblurDiff
import Files
import GraphIR
import GraphTestSupport
import Operators
import Tensors
import Testing

/// Ops carry no size that the image decides.
@Suite struct InferenceTests {
    private static let configuration = try? ModelConfiguration(
        yaml: String(contentsOfFile: repositoryFile("Tests/Fixtures/tiny.yaml"), encoding: .utf8))

    @Test(arguments: [(64, 64), (64, 128), (576, 640), (1024, 512)])
    func inferringAgainMakesTheGraphOfAnotherSize(_ height: Int, _ width: Int) throws {
        let configuration = try #require(Self.configuration)
        let small = try DeblurDiffArchitecture.graphs(configuration, height: 512, width: 512)
        let other = try DeblurDiffArchitecture.graphs(configuration, height: height, width: width)
        for (name, graph) in small {
            let expected = other[name]!
            let types = Dictionary(uniqueKeysWithValues: expected.inputs.map { (expected[$0].name, expected.type($0)) })
            #expect(try graph.specialized(types).text == expected.text, "\(name)")
        }
    }

    @Test func everyImportedGraphSurvivesItsTextForm() throws {
        for (name, graph) in try DeblurDiffArchitecture.graphs(try #require(Self.configuration)) {
            #expect(try GraphParser.parse(graph.text, registry: .standard).text == graph.text, "\(name)")
            #expect(Verifier.violations(graph).isEmpty)
        }
    }

    @Test func sizesThatDoNotFitAreRefusedWithTheNode() throws {
        let graph = try DeblurDiffArchitecture.graphs(try #require(Self.configuration))["unet"]!
        // Three positions do not halve evenly: the way up has four where its skip has three.
        let error = try #require(throws: InputError.self) {
            try graph.specialized(["x": TensorType(.float32, [1, 4, 24, 28])])
        }
        #expect(error.description.contains("unet: "), "\(error)")
    }

    @Test func unknownInputsAreNamed() throws {
        let graph = try DeblurDiffArchitecture.graphs(try #require(Self.configuration))["eac"]!
        let error = try #require(throws: InputError.self) { try graph.specialized(["image": TensorType(.float32, [1])]) }
        #expect(error.description.contains("c_img, kernel"))
    }

    private func infer(_ op: some Op, _ types: [TensorType]) throws -> [TensorType] { try op.inferTypes(types) }

    @Test func broadcasting() throws {
        func shape(_ a: Shape, _ b: Shape) throws -> Shape { try infer(Add(), [TensorType(.float32, a), TensorType(.float32, b)])[0].shape }
        #expect(try shape([2, 1, 4], [3, 1]) == [2, 3, 4])
        #expect(try shape([], [3]) == [3])
        #expect(try shape([0, 1], [1, 5]) == [0, 5])
        #expect(throws: InputError.self) { try shape([2], [3]) }
    }

    @Test(arguments: [(8, 1, 8), (64, 1, 64), (65, 2, 64), (128, 2, 64), (129, 3, 64)])
    func windowsCoverAnAxis(_ length: Int, _ count: Int, _ size: Int) {
        let axis = WindowAxis(length: length, size: 64)
        #expect(axis.count == count)
        #expect(axis.size == size)
        #expect(axis.starts.first == 0)
        #expect(axis.starts.last == length - size)
        #expect(zip(axis.starts, axis.starts.dropFirst()).allSatisfy { $1 - $0 <= size && $1 >= $0 })
    }
}
