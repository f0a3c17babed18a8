// What a program that imports DeblurDiff alone has in its hands.
@_exported import class Checkpoints.CheckpointFile
@_exported import func Checkpoints.openCheckpoint
@_exported import struct Files.InputError
@_exported import struct GraphPasses.OptimizationOptions
@_exported import enum GraphRuntime.MemoryUse
@_exported import enum GraphRuntime.Precision
@_exported import struct GraphRuntime.RuntimeOptions
@_exported import class GraphRuntime.ThreadPool
@_exported import enum Tensors.ElementType
@_exported import struct Tensors.Shape
@_exported import struct Tensors.Tensor
@_exported import struct Tensors.TensorType
