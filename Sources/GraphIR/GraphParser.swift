import Files
import Tensors

/// Reads the text form of graphs. Types are checked against inference, so a text that parses is a valid graph.
public struct GraphParser {
    private var lexer: GraphLexer
    private let registry: OpRegistry
    private var token: GraphLexer.Token = .end
    private var tokenStart = 0
    private var graph = Graph(name: "")
    private var valuesByName: [String: ValueID] = [:]

    public static func parse(_ text: String, registry: OpRegistry) throws -> Graph {
        var text = text
        return try text.withUTF8 { bytes in
            var parser = GraphParser(lexer: GraphLexer(bytes), registry: registry)
            return try parser.parse()
        }
    }

    private init(lexer: GraphLexer, registry: OpRegistry) {
        self.lexer = lexer
        self.registry = registry
    }

    private func error(_ what: String) -> InputError { InputError(what, at: lexer.location(tokenStart)) }

    private mutating func advance() throws {
        token = try lexer.next()
        tokenStart = lexer.tokenStart
    }

    private mutating func parse() throws -> Graph {
        try advance()
        try expect(word: "graph")
        graph.name = try name()
        try expect("{")
        loop: while true {
            switch token {
            case .word("input"): try parseInput()
            case .word("parameter"): try parseParameter()
            case .word("output"): try parseOutput()
            case .value: try parseNode()
            default: break loop
            }
        }
        try expect("}")
        guard token == .end else { throw error("something follows the graph") }
        return graph
    }

    private mutating func parseInput() throws {
        try advance()
        let name = try valueName()
        try expect(":")
        let type = try parseType()
        try define(name, graph.addValue(Value(name: name, type: type, definition: .input)))
        graph.inputs.append(valuesByName[name]!)
    }

    private mutating func parseParameter() throws {
        try advance()
        guard case .parameter(let key) = token else { throw error("expected a parameter's @key") }
        try advance()
        try expect(":")
        let type = try parseType()
        guard graph.parametersByKey[key] == nil else { throw error("parameter '@\(key)' is declared twice") }
        _ = graph.addParameter(key, type)
    }

    private mutating func parseOutput() throws {
        try advance()
        let name = try name()
        try expect("=")
        let value = try operand()
        guard graph.output(name) == nil else { throw error("output '\(name)' is given twice") }
        graph.outputs.append(Graph.Output(name: name, value: value))
    }

    private mutating func parseNode() throws {
        let names = try list { try $0.valueName() }
        try expect("=")
        guard case .word(let opName) = token else { throw error("expected an op's name") }
        let opStart = tokenStart
        try advance()
        try expect("(")
        var operands: [ValueID] = []
        if token != .symbol(41) { operands = try list { try $0.operand() } }
        try expect(")")
        var attributes = AttributeDictionary()
        if token == .symbol(123) { attributes = try parseAttributes(depth: 0) }
        try expect(":")
        let declared = try list { try $0.parseType() }
        var origins: [String] = []
        if token == .word("from") {
            try advance()
            origins = try list { try $0.valueName() }
        }
        do {
            let op = try registry.makeOp(opName, attributes: attributes)
            let inferred = try Graph.inferTypes(op, operands.map(graph.type))
            guard inferred == declared else {
                throw InputError("types \(declared) declared where \(inferred) follow")
            }
            guard names.count == declared.count else {
                throw InputError("\(names.count) names for \(declared.count) results")
            }
            let results = graph.appendNode(op, operands, declared, names: names, origins: origins)
            for (name, id) in zip(names, results) { try define(name, id) }
        } catch let error as InputError {
            throw error.at("\(lexer.location(opStart)): \(opName)")
        }
    }

    private mutating func define(_ name: String, _ id: ValueID) throws {
        guard valuesByName.updateValue(id, forKey: name) == nil else { throw error("value '%\(name)' is defined twice") }
    }

    private mutating func operand() throws -> ValueID {
        switch token {
        case .value(let name):
            guard let id = valuesByName[name] else { throw error("value '%\(name)' is used before it is defined") }
            try advance()
            return id
        case .parameter(let key):
            guard let id = graph.parametersByKey[key] else { throw error("parameter '@\(key)' is not declared") }
            try advance()
            return id
        default: throw error("expected a value")
        }
    }

    private mutating func parseType() throws -> TensorType {
        guard case .word(let word) = token, let elementType = ElementType(rawValue: word) else {
            throw error("expected an element type such as f32")
        }
        try advance()
        try expect("[")
        var dimensions: [Int] = []
        if token != .symbol(93) {
            dimensions = try list { parser in
                guard case .number(let text) = parser.token, let value = Int(text), value >= 0 else {
                    throw parser.error("expected a size")
                }
                try parser.advance()
                return value
            }
        }
        try expect("]")
        var layout = Layout.rowMajor
        if case .parameter(let name) = token {
            guard let known = Layout(rawValue: name) else { throw error("unknown layout '@\(name)'") }
            layout = known
            try advance()
        }
        let type = TensorType(elementType, Shape(dimensions), layout: layout)
        do { try Graph.check(type) } catch let error as InputError { throw self.error(error.what) }
        return type
    }

    private mutating func parseAttributes(depth: Int) throws -> AttributeDictionary {
        try expect("{")
        var result = AttributeDictionary()
        while token != .symbol(125) {
            guard case .word(let key) = token else { throw error("expected an attribute's name") }
            try advance()
            try expect("=")
            guard result[key] == nil else { throw error("attribute '\(key)' is given twice") }
            result[key] = try parseAttribute(depth: depth + 1)
            guard token == .symbol(44) else { break }
            try advance()
        }
        try expect("}")
        return result
    }

    private mutating func parseAttribute(depth: Int) throws -> Attribute {
        guard depth < 8 else { throw error("attributes are nested too deeply") }
        let current = token
        switch current {
        case .word("true"): try advance(); return .bool(true)
        case .word("false"): try advance(); return .bool(false)
        case .word("inf"): try advance(); return .float(.infinity)
        case .word("nan"): try advance(); return .float(.nan)
        case .word(let text), .string(let text): try advance(); return .string(text)
        case .number(let text):
            try advance()
            if let integer = Int(text) { return .integer(integer) }
            if let number = Double(text) { return .float(number) }
            throw error("'\(text)' is not a number")
        case .symbol(91):
            try advance()
            var values: [Attribute] = []
            if token != .symbol(93) { values = try list { try $0.parseAttribute(depth: depth + 1) } }
            try expect("]")
            return .list(values)
        case .symbol(123): return .dictionary(try parseAttributes(depth: depth))
        default: throw error("expected an attribute's value")
        }
    }

    private mutating func list<T>(_ element: (inout GraphParser) throws -> T) throws -> [T] {
        var result = [try element(&self)]
        while token == .symbol(44) {
            try advance()
            result.append(try element(&self))
        }
        return result
    }

    private mutating func name() throws -> String {
        switch token {
        case .word(let text), .string(let text), .number(let text): try advance(); return text
        default: throw error("expected a name")
        }
    }

    private mutating func valueName() throws -> String {
        guard case .value(let name) = token else { throw error("expected a value's %name") }
        try advance()
        return name
    }

    private mutating func expect(_ symbol: Character) throws {
        guard token == .symbol(symbol.asciiValue!) else { throw error("expected '\(symbol)'") }
        try advance()
    }

    private mutating func expect(word: String) throws {
        guard token == .word(word) else { throw error("expected '\(word)'") }
        try advance()
    }
}
