import Tensors
import Testing

/// Tensors are values, whatever they share.
@Suite struct TensorTests {
    @Test func writingLeavesCopiesAlone() {
        let first = Tensor([1.0, 2, 3, 4], shape: [2, 2])
        var second = first
        second.withMutableFloats { $0[1] = 7 }
        var third = second.reshaped([4])
        third.withMutableFloats { $0[0] = 9 }
        #expect(first.floatArray == [1, 2, 3, 4])
        #expect(second.floatArray == [1, 7, 3, 4])
        #expect(third.floatArray == [9, 7, 3, 4])
    }

    @Test func writingTakesNoCopyWhereNobodyElseHoldsTheBytes() {
        var tensor = Tensor([1.0, 2], shape: [2])
        let place = tensor.withBytes { $0.baseAddress }
        tensor.withMutableFloats { $0[0] = 5 }
        #expect(tensor.withBytes { $0.baseAddress } == place && tensor.floatArray == [5, 2])
    }

    /// A part of memory that is frozen, as packed parameters are.
    @Test func frozenMemoryIsNotWritten() {
        let memory = Memory(byteCount: 16)
        memory.withMutableBytes { $0.storeBytes(of: 3 as Float, toByteOffset: 8, as: Float.self) }
        let storage = memory.frozen
        var part = Tensor(type: TensorType(.float32, [1]), storage: storage, byteOffset: 8)
        part.withMutableFloats { $0[0] += 1 }
        #expect(part.floatArray == [4] && storage.withBytes { $0.load(fromByteOffset: 8, as: Float.self) } == 3)
    }

    @Test func readsElementsOfEachSize() {
        #expect(Tensor(TensorType(.int64, [2]), [Int64(-5), 6]).withElements(Array<Int64>.init) == [-5, 6])
        #expect(Tensor(TensorType(.bool, [0]), [UInt8]()).withBytes { $0.count } == 0)
        #expect(Tensor([0.5, -1], shape: [2]).map { 2 * $0 }.floatArray == [1, -2])
    }
}
