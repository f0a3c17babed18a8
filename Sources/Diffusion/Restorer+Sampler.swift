import Tensors

extension Restorer {
    /// From the starting latent to the restored one, step by step.
    func sample(_ start: Tensor, _ conditions: Conditions, _ clean: Tensor, _ random: inout TorchGenerator) throws -> Tensor {
        var z = start
        let guidanceMoments = try options.restorationGuidance.map { _ in try encode(centered(clean)) }
        model.forgetPrograms("vae_encoder")
        meter.enter(.preparing)
        let (denoiser, tiles, prepared) = try prepare(conditions, z.shape)
        meter.enter(.sampling)
        for index in schedule.timesteps.indices.reversed() {
            let timestep = schedule.timesteps[index]
            let place = "step \(schedule.timesteps.count - index) of \(schedule.timesteps.count)"
            let estimate = estimate(of: try predict(z, timestep, place, denoiser, tiles, prepared), z, index)
            if let guidance = options.restorationGuidance, let moments = guidanceMoments,
                guidance.stop < timestep + 1, timestep + 1 < guidance.start
            {
                for _ in 0..<guidance.repetitions {
                    let target = sampleLatent(moments, &random)
                    let size = Float(estimate.type.elementCount)
                    let rate = 3000 * guidance.scale / schedule.c1[index]
                    for i in estimate.floats.indices {
                        estimate.floats[i] += -2 * (estimate.floats[i] - target.floats[i]) / size * rate
                    }
                }
                try requireFinite(estimate, "\(place): restoration guidance")
            }
            let (c1, c2) = (schedule.c1[index], schedule.c2[index])
            let noise = random.randn(z.type.elementCount)  // drawn at the last step too
            let deviation = index == 0 ? 0 : schedule.variance[index].squareRoot()
            let next = z.floats.indices.map { c1 * estimate.floats[$0] + c2 * z.floats[$0] + deviation * noise[$0] }
            z = Tensor(next, shape: z.shape)
            try requireFinite(z, "\(place): the sampler")
            meter.endStep()
        }
        return z
    }

    /// What the denoiser is told of one tile, or of the whole latent.
    private struct PreparedConditions {
        var positive: Denoiser.Condition
        var negative: Denoiser.Condition?
    }

    /// Makes the denoiser ready for a latent, and the conditions of each of its tiles.
    private func prepare(_ conditions: Conditions, _ shape: Shape) throws -> (Denoiser, TileWindows, [PreparedConditions]) {
        let tiles = try latentTiles(height: shape[2], width: shape[3])
        let tileShape: Shape = [1, shape[1], tiles.tileHeight, tiles.tileWidth]
        if denoiser == nil || denoiser!.shape != tileShape {
            denoiser = nil  // its arena and weights go before the new ones come
            let value = try Denoiser(
                model: model, height: tileShape[2], width: tileShape[3], timesteps: schedule.timesteps, strength: options.strength)
            denoiser = (tileShape, value)
        }
        meter.packed()
        let denoiser = denoiser!.value
        let prepared = try tiles.windows.map { window in
            func prepare(_ condition: Condition) throws -> Denoiser.Condition {
                try denoiser.prepare(context: condition.context, image: condition.image.cut(window))
            }
            return PreparedConditions(positive: try prepare(conditions.positive), negative: try conditions.negative.map(prepare))
        }
        return (denoiser, tiles, prepared)
    }

    /// A step's estimate of the sharp image's latent.
    private func estimate(of prediction: Tensor, _ z: Tensor, _ index: Int) -> Tensor {
        guard model.configuration.parameterization == .noise else { return prediction.copy() }
        let (a, b) = (schedule.a[index], schedule.b[index])
        return Tensor(zip(z.floatArray, prediction.floatArray).map { a * $0 - b * $1 }, shape: z.shape)
    }

    /// A step's result for the whole latent, guided and blended from tiles as asked for.
    private func predict(
        _ z: Tensor, _ timestep: Int, _ place: String, _ denoiser: Denoiser, _ tiles: TileWindows, _ conditions: [PreparedConditions]
    ) throws -> Tensor {
        func predict(_ z: Tensor, _ condition: Denoiser.Condition) throws -> Tensor {
            recorder?.record("unet_in", z)
            let result = try meter.run { try denoiser.run(z, timestep: timestep, condition: condition, progress: $0) }
            if let recorder {
                for (name, tensor) in try denoiser.stages(z, timestep: timestep, condition: condition) { recorder.record(name, tensor) }
                recorder.record(model.stepResult, result)
            }
            if !result.isSound {
                let stages = try? denoiser.stages(z, timestep: timestep, condition: condition)
                try requireFinite(result, "\(place): \(DenoisingStep.network(thatFailedIn: stages))")
            }
            return result
        }
        func guided(_ z: Tensor, _ conditions: PreparedConditions) throws -> Tensor {
            let positive = try predict(z, conditions.positive)
            guard let condition = conditions.negative else { return positive }
            let negative = try predict(z, condition)
            let scale = options.guidanceScale
            let result = Tensor(zip(negative.floatArray, positive.floatArray).map { $0 + scale * ($1 - $0) }, shape: z.shape)
            try requireFinite(result, "\(place): classifier-free guidance")
            return result
        }
        guard options.tiled else { return try guided(z, conditions[0]) }
        var blender = TileBlender(channels: z.shape[1], tiles: tiles)
        for (window, conditions) in zip(tiles.windows, conditions) { blender.add(try guided(z.cut(window), conditions), at: window) }
        return blender.blended()
    }

    private func centered(_ clean: Tensor) -> Tensor {
        let result = clean.copy()
        for index in result.floats.indices { result.floats[index] = 2 * result.floats[index] - 1 }
        return result
    }
}
