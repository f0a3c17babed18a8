import GraphIR

extension OpRegistry {
    /// Every op of this module.
    public static let standard = OpRegistry([
        Add.self, Attention.self, CausalMask.self, Concat.self, Conv2D.self, ConvertLayout.self,
        ElementWiseAdaptiveConvolution.self, Embedding.self, Flatten.self, GELU.self, GroupNorm.self, GroupStatistics.self,
        ImageFromTokens.self, LayerNorm.self, Linear.self, MatMul.self, Multiply.self, ReduceSum.self, Scale.self, SiLU.self,
        Softmax.self, Split.self, TimestepEmbedding.self, TokensFromImage.self, Transpose.self, Unflatten.self, Unfold.self,
        Unsqueeze.self, UpsampleNearest.self, WindowMerge.self, WindowPartition.self,
    ])
}
