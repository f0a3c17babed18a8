let passDocumentation: [String: String] = [:]
