import Tensors

extension Graph {
    /// The text form: one declaration or node a line. ``GraphParser`` reads it back.
    ///
    ///     graph eac {
    ///       input %c_img : f32[1, 4, 64, 64]
    ///       parameter @unet.out.2.bias : f32[4]
    ///       %u = unfold(%c_img) {kernel_size = [5, 5], padding = [2, 2]} : f32[1, 4, 25, 64, 64]
    ///       output eac = %u
    ///     }
    public var text: String {
        var lines = ["graph \(Graph.quotedIfNeeded(name)) {"]
        lines.reserveCapacity(order.count + values.count / 2)
        for id in inputs { lines.append("  input \(reference(id)) : \(type(id))") }
        for id in parameters { lines.append("  parameter \(reference(id)) : \(type(id))") }
        for id in order { lines.append("  " + line(id)) }
        for output in outputs { lines.append("  output \(Graph.quotedIfNeeded(output.name)) = \(reference(output.value))") }
        lines.append("}")
        return lines.joined(separator: "\n") + "\n"
    }

    /// The line of one node.
    public func line(_ id: NodeID) -> String {
        let node = self[id]
        var text = node.results.map(reference).joined(separator: ", ")
        text += " = \(node.op.name)(" + node.operands.map(reference).joined(separator: ", ") + ")"
        let attributes = node.op.attributes
        if !attributes.isEmpty { text += " \(attributes)" }
        text += " : " + node.results.map { type($0).description }.joined(separator: ", ")
        if !node.origins.isEmpty { text += " from " + node.origins.map { "%" + Graph.quotedIfNeeded($0) }.joined(separator: ", ") }
        return text
    }

    /// `%name` for inputs and results, `@key` for parameters.
    public func reference(_ id: ValueID) -> String {
        let value = self[id]
        return (value.isParameter ? "@" : "%") + Graph.quotedIfNeeded(value.name)
    }

    /// A name as the text form has it.
    public static func quotedIfNeeded(_ name: String) -> String {
        !name.isEmpty && name.utf8.allSatisfy(GraphLexer.isNameByte) ? name : Attribute.quoted(name)
    }
}
