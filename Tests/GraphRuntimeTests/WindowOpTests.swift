import Files
import GraphIR
import GraphRuntime
import Operators
import Tensors
import Testing

@Suite struct WindowOpTests {
    private func counted(_ shape: Shape) -> Tensor { Tensor((0..<shape.elementCount).map { Float($0) }, shape: shape) }

    @Test func convolutionOfOneDimension() throws {
        let x = counted([1, 2, 4])
        let w = tensor(.float32, [1, 2, 10, 20, 0, 1, 0, 1], [2, 2, 2])
        let op = Convolution(strides: [1], padding: [1, 0], dilations: [1])
        let b = tensor(.float32, [100, 200], [2])
        #expect(try evaluate(op, x, w, b).floatArray == [180, 242, 275, 308, 204, 206, 208, 210])
        let dilated = try evaluate(Convolution(strides: [2], padding: [0, 2], dilations: [2]), x, w)
        #expect(dilated.shape == [1, 2, 2])
        #expect(dilated.floatArray == [164, 62, 8, 0])
    }

    /// The general convolution and the one of images agree, groups and dilations included.
    @Test func likeConvolutionsOfImages() throws {
        let cases = [
            (1, [1, 1], [1, 1], [1, 1, 1, 1]), (2, [2, 1], [1, 2], [0, 2, 1, 3]), (4, [3, 2], [2, 2], [2, 2, 2, 2]),
        ]
        for (groups, strides, dilations, padding) in cases {
            let x = madeUpTensor([2, 4, 11, 13], seed: 1)
            let w = madeUpTensor([8, 4 / groups, 3, 2], seed: 2)
            let b = madeUpTensor([8], seed: 3)
            var image = Conv2D(stride: strides, padding: padding)
            (image.dilation, image.groups) = (dilations, groups)
            let y = try evaluate(Convolution(strides: strides, padding: padding, dilations: dilations, groups: groups), x, w, b)
            let expected = try evaluate(image, x, w, b)
            #expect(y.type == expected.type)
            for (a, e) in zip(y.floatArray, expected.floatArray) { #expect(abs(a - e) < 1e-5) }
        }
    }

    /// sum of y conv(x) = sum of x conv_transpose(y), for three dimensions, groups and dilations.
    @Test func transposedConvolution() throws {
        let (strides, padding, dilations) = ([2, 1, 3], [1, 0, 2, 0, 1, 1], [1, 2, 1])
        let x = madeUpTensor([2, 4, 7, 6, 8], seed: 1)
        let w = madeUpTensor([6, 2, 3, 2, 3], seed: 2)
        let y = try evaluate(Convolution(strides: strides, padding: padding, dilations: dilations, groups: 2), x, w)
        let z = madeUpTensor(y.shape, seed: 3)
        var transposed = ConvTranspose(strides: strides, padding: padding, dilations: dilations, groups: 2, outputPadding: [0, 0, 0])
        let size = try transposed.inferTypes([z.type, w.type])[0].shape
        transposed.outputPadding = (2..<5).map { x.shape[$0] - size[$0] }
        let back = try evaluate(transposed, z, w)
        #expect(back.shape == x.shape)
        let left = zip(y.floatArray, z.floatArray).reduce(0.0) { $0 + Double($1.0 * $1.1) }
        let right = zip(x.floatArray, back.floatArray).reduce(0.0) { $0 + Double($1.0 * $1.1) }
        #expect(abs(left - right) < 1e-3 * abs(left))
    }

    @Test func transposedConvolutionByHand() throws {
        let x = tensor(.float32, [1, 2, 3], [1, 1, 3])
        let w = tensor(.float32, [1, 10, 100], [1, 1, 3])
        let op = ConvTranspose(strides: [2], padding: [0, 0], dilations: [1], outputPadding: [1])
        #expect(try evaluate(op, x, w, tensor(.float32, [0.5], [1])).floatArray == [1.5, 10.5, 102.5, 20.5, 203.5, 30.5, 300.5, 0.5])
        let cut = ConvTranspose(strides: [2], padding: [2, -1], dilations: [1], outputPadding: [0])
        #expect(try evaluate(cut, x, w).floatArray == [102, 20, 203, 30, 300, 0])
    }

    @Test func pools() throws {
        let x = counted([1, 1, 3, 4])
        var max = Pool(.max, kernelSize: [2, 2], strides: [1, 2], padding: [0, 0, 0, 0], dilations: [1, 1])
        max.indices = true
        var results = try OpEvaluator.evaluate(max, [x])
        #expect(results[0].floatArray == [5, 7, 9, 11])
        #expect(results[1].numbers == [5, 7, 9, 11])
        max.storageOrder = 1
        results = try OpEvaluator.evaluate(max, [x])
        #expect(results[1].numbers == [4, 10, 5, 11])
        var average = Pool(.average, kernelSize: [2, 2], strides: [2, 2], padding: [1, 0, 0, 0], dilations: [1, 1])
        #expect(try evaluate(average, x).floatArray == [0.5, 2.5, 6.5, 8.5])
        average.countsPadding = true
        #expect(try evaluate(average, x).floatArray == [0.25, 1.25, 6.5, 8.5])
        average.ceilMode = true
        average.kernelSize = [3, 3]
        // The last windows reach beyond the image, where nothing counts.
        #expect(try evaluate(average, x).floatArray == [2, 3, 7, 8.5])
        var norm = Pool(.lp, kernelSize: [1, 2], strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 2])
        #expect(try evaluate(norm, tensor(.float32, [3, 0, -4], [1, 1, 1, 3])).floatArray == [5])
        norm.p = 1
        #expect(try evaluate(norm, tensor(.float32, [3, 0, -4], [1, 1, 1, 3])).floatArray == [7])
    }

    @Test func lastWindows() throws {
        // One that begins in the padding behind the image is left out.
        let op = Pool(.max, kernelSize: [2], strides: [3], padding: [0, 2], dilations: [1], ceilMode: true)
        let x = tensor(.float32, [1, 2, 3, 4, 5, 6], [1, 1, 6])
        #expect(try evaluate(op, x).floatArray == [2, 5])
        let reaching = Pool(.average, kernelSize: [3], strides: [2], padding: [0, 0], dilations: [1], ceilMode: true)
        #expect(try evaluate(reaching, x).floatArray == [2, 4, 5.5])
        #expect(throws: InputError.self) {
            try evaluate(Pool(.max, kernelSize: [7], strides: [1], padding: [0, 0], dilations: [1]), x)
        }
    }

    @Test func resizing() throws {
        let x = tensor(.float32, [1, 2, 3, 4], [2, 2])
        #expect(
            try evaluate(Resize(.linear, sizes: [2, 4], scales: [1, 2]), x).floatArray == [1, 1.25, 1.75, 2, 3, 3.25, 3.75, 4])
        #expect(
            try evaluate(Resize(.linear, sizes: [3, 3], scales: [1.5, 1.5], coordinates: .alignCorners), x).floatArray
                == [1, 1.5, 2, 2, 2.5, 3, 3, 3.5, 4])
        var nearest = Resize(.nearest, sizes: [2, 3], scales: [1, 1.5], coordinates: .asymmetric)
        nearest.nearestMode = .floor
        for type in ElementType.numeric { #expect(try evaluate(nearest, tensor(type, [1, 2, 3, 4], [2, 2])).numbers == [1, 1, 2, 3, 3, 4]) }
        nearest.nearestMode = .ceil
        #expect(try evaluate(nearest, x).floatArray == [1, 2, 2, 3, 4, 4])
        var cubic = Resize(.cubic, sizes: [4], scales: [1])
        #expect(try evaluate(cubic, tensor(.float32, [1, 5, 2, 8], [4])).floatArray == [1, 5, 2, 8])
        cubic.sizes = [8]
        cubic.scales = [2]
        let y = try evaluate(cubic, tensor(.float32, [1, 1, 1, 1], [4])).floatArray
        for value in y { #expect(abs(value - 1) < 1e-6) }
        var crop = Resize(.linear, sizes: [3], scales: [0.75], coordinates: .tfCropAndResize)
        crop.roi = [0.5, 1.5]
        crop.extrapolationValue = 7
        #expect(try evaluate(crop, tensor(.float32, [0, 2, 4, 6], [4])).floatArray == [3, 6, 7])
        var smaller = Resize(.linear, sizes: [2], scales: [0.5])
        smaller.antialias = true
        #expect(try evaluate(smaller, tensor(.float32, [0, 0, 8, 8], [4])).floatArray == [1, 7])
        smaller.excludesOutside = true
        #expect(try evaluate(smaller, tensor(.float32, [0, 0, 7, 7], [4])).floatArray == [1, 6])
    }

    @Test func productsOfIntegers() throws {
        let a = tensor(.uint8, [200, 1, 2, 3], [2, 2])
        let b = tensor(.int8, [-100, 1, 2, 3, 4, 5], [1, 2, 3])
        let y = try evaluate(MatMulInteger(), a, b)
        #expect(y.type == TensorType(.int32, [1, 2, 3]))
        #expect(y.numbers == [-19997, 204, 405, -191, 14, 19])
        #expect(try evaluate(MatMulInteger(), tensor(.int8, [], [2, 0]), tensor(.int8, [], [0, 2])).numbers == [0, 0, 0, 0])
        #expect(try evaluate(MatMul(), Tensor([Float](), shape: [2, 0]), Tensor([Float](), shape: [0, 2])).floatArray == [0, 0, 0, 0])
    }
}
