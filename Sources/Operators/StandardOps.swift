import GraphIR

extension OpRegistry {
    /// Every op of this module.
    public static let standard = OpRegistry([
        Add.self, ArgReduce.self, Attention.self, Binary.self, Cast.self, CausalMask.self, Concat.self, Constant.self, Conv2D.self,
        ConvTranspose.self, ConvertLayout.self, Convolution.self, CumulativeSum.self, ElementWiseAdaptiveConvolution.self, Embedding.self,
        Expand.self, Flatten.self, GELU.self, Gather.self, GatherElements.self, GatherND.self, GroupNorm.self, GroupNormGradient.self, GroupStatistics.self,
        ImageFromTokens.self, LayerNorm.self, Linear.self, MatMul.self, MatMulInteger.self, Multiply.self, Pad.self, Pool.self, Reduce.self,
        ReduceSum.self, Reshape.self, Resize.self, Scale.self, ScatterElements.self, ScatterND.self, Select.self, SiLU.self, Slice.self,
        Softmax.self, Split.self, Tile.self, TimestepEmbedding.self, TokensFromImage.self, TopK.self, Transpose.self, Triangle.self,
        Unary.self, Unflatten.self, Unfold.self, Unsqueeze.self, UpsampleNearest.self, WindowMerge.self, WindowPartition.self,
    ])
}
