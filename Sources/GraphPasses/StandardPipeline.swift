import GraphIR

extension Pipeline {
    /// The passes of a level, in their order.
    ///
    /// - `changingInputs`: for a graph that is run again and again, the inputs that differ from run to run; work on the
    ///   others is then set apart, so that ``HoistInvariants`` can move it out.
    public static func standard(level: OptimizationLevel = .standard, changingInputs: Set<String> = []) -> Pipeline {
        var raising: [any Pass] = []
        var passes: [any Pass] = []
        var finishing: [any Pass] = []
        if level >= .o1 {
            raising = [
                Canonicalize(), EraseTrivialWindows(), EliminateCommonSubexpressions(), EliminateDeadCode(), RaiseTokens(), RaiseProducts(),
                FlipTransposedConvolutions(), FuseBias(),
                MoveViews(), RaiseActivations(), RaiseNorms(), RaiseImageOps(), RaiseWaves(), RaiseCausalMask(), FuseUnfoldDot(),
                FuseAttention(), FuseGroupNormSiLU(), FuseGEGLU(),
            ]
            passes = [AssignLayout()]
            if !changingInputs.isEmpty { passes.append(SplitInvariantChannels(changingInputs: changingInputs)) }
            passes +=
                [
                    FuseActivation(), FoldUpsampling(), PointwiseConvolutionToLinear(), NormOnLoad(), ReadConcatInPlace(),
                    FuseChannelAddend(), FuseResidual(), ReadSumInPlace(), MergeAttentionProjections(), PackAttention(), MergeProjections(),
                ] as [any Pass]
            finishing = [TakeMoments()]
        }
        do { return try Pipeline(settling: raising, passes, finishing: finishing) } catch { preconditionFailure("the standard pipeline: \(error)") }
    }

    /// The same, and others beside them from level O1 on.
    ///
    /// - Throws: an `InputError` where one of the others has a standard pass's name.
    static func standard(level: OptimizationLevel, changingInputs: Set<String> = [], adding passes: [any Pass]) throws -> Pipeline {
        try (level >= .o1 ? passes : []).reduce(standard(level: level, changingInputs: changingInputs)) { try $0.adding($1) }
    }
}
