import Tensors
import Testing

@Suite struct FilePathTests {
    @Test(arguments: [
        ("m", "", "m"), ("a/b", "a", "b"), ("/m", "/", "m"), ("/", "/", "/"), ("a/", "", "a"), ("a//b//", "a", "b"), ("", "", ""),
        ("/a/b.c", "/a", "b.c"), ("../x", "..", "x"), ("é/ü", "é", "ü"), ("//x", "/", "x"),
    ])
    func parts(path: String, folder: String, name: String) {
        #expect(FilePath.folder(of: path) == folder)
        #expect(FilePath.name(of: path) == name)
    }

    @Test func joining() {
        #expect(FilePath.join("a", "b") == "a/b" && FilePath.join("a/", "b") == "a/b" && FilePath.join("", "b") == "b" && FilePath.join("/", "b") == "/b")
    }
}
