// The compiler's modules under one name.
@_exported import Files
@_exported import GraphFile
@_exported import GraphIR
@_exported import GraphPasses
@_exported import GraphRuntime
@_exported import Operators
@_exported import TensorFiles
@_exported import Tensors
