import Files
import Operators
import Tensors

extension Convolution: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] {
        [
            body.apply(
                "Conv", body.operands,
                ["strides": .integers(strides), "pads": .integers(padding), "dilations": .integers(dilations), "group": .integer(groups)])
        ]
    }
}

extension ConvTranspose: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] {
        [
            body.apply(
                "ConvTranspose", body.operands,
                [
                    "strides": .integers(strides), "pads": .integers(padding), "dilations": .integers(dilations), "group": .integer(groups),
                    "output_padding": .integers(outputPadding),
                ])
        ]
    }
}

extension Pool: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) throws -> [String] {
        let shared: [(String, ONNXAttributeValue)] = [("kernel_shape", .integers(kernelSize)), ("strides", .integers(strides)), ("pads", .integers(padding))]
        let ceil = ("ceil_mode", ONNXAttributeValue.integer(ceilMode ? 1 : 0))
        let isDilated = dilations.contains { $0 != 1 }
        switch kind {
        case .max:
            let all = shared + [ceil, ("dilations", .integers(dilations)), ("storage_order", .integer(storageOrder ?? 0))]
            return body.apply("MaxPool", body.operands, all, outputs: indices == true ? 2 : 1)
        case .average:
            guard !isDilated else { throw InputError("opset \(ONNXExport.opsetVersion) has no average over dilated windows") }
            return body.apply("AveragePool", body.operands, shared + [ceil, ("count_include_pad", .integer(countsPadding == true ? 1 : 0))], outputs: 1)
        case .lp:
            guard !isDilated, !ceilMode else { throw InputError("opset \(ONNXExport.opsetVersion) has no such norm of windows") }
            return body.apply("LpPool", body.operands, shared + [("p", .integer(p ?? 2))], outputs: 1)
        }
    }
}

extension Resize: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) throws -> [String] {
        guard antialias != true, coordinates != .halfPixelSymmetric else {
            throw InputError("opset \(ONNXExport.opsetVersion) cannot resize in this way")
        }
        let x = body.types[0].shape.dimensions
        let roi = roi.map { body.constant(.floats($0, shape: [$0.count], .float32)) } ?? ""
        var attributes: [(String, ONNXAttributeValue)] = [
            ("mode", .string(mode.rawValue)), ("coordinate_transformation_mode", .string(coordinates.rawValue)),
        ]
        if let nearestMode { attributes.append(("nearest_mode", .string(nearestMode.rawValue))) }
        if let cubicCoefficient { attributes.append(("cubic_coeff_a", .float(Float(cubicCoefficient)))) }
        if let excludesOutside { attributes.append(("exclude_outside", .integer(excludesOutside ? 1 : 0))) }
        if let extrapolationValue { attributes.append(("extrapolation_value", .float(extrapolationValue))) }
        // Sizes say all, unless the scales are others than they make.
        let followSizes = zip(zip(sizes, x), scales).allSatisfy { Double($0.0) / Double($0.1) == $1 }
        let inputs =
            followSizes
            ? [body.operands[0], roi, "", body.integers(sizes)]
            : [body.operands[0], roi, body.constant(.floats(scales, shape: [scales.count], .float32))]
        return body.apply("Resize", inputs, attributes, outputs: 1)
    }
}

extension MatMulInteger: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) throws -> [String] {
        let bytes: Set<ElementType> = [.int8, .uint8]
        if body.types.allSatisfy({ bytes.contains($0.elementType) }) { return [body.apply("MatMulInteger", body.operands)] }
        let wide = body.operands.map { body.apply("Cast", [$0], ["to": .integer(Int(ElementType.int32.onnxDataType))]) }
        return [body.apply("MatMul", wide)]
    }
}
