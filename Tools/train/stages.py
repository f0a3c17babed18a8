"""What each stage of the training trains, its losses, and how it is judged on held-out photographs."""
import pathlib

import numpy
import torch
from PIL import Image
from torch.nn import functional as F

import model as networks
from crops import Pairs, Photographs
from measures import psnr


HELD_OUT_SIDE = 192  # more pixels are many positions for the autoencoder's attention, which PyTorch keeps in memory


def held_out(folder, side, device):
    """(sharp, blurred) middles of the held-out pairs, [n, 3, side, side]."""

    def middle(file):
        image = torch.tensor(numpy.asarray(Image.open(file))).permute(2, 0, 1).float() / 255
        top, left = (image.shape[1] - side) // 2, (image.shape[2] - side) // 2
        return image[:, top : top + side, left : left + side]

    files = sorted(pathlib.Path(folder).glob("*-sharp.png"))
    blurred = [file.with_name(file.name.replace("-sharp", "-blurred")) for file in files]
    return [torch.stack([middle(file) for file in kind]).to(device) for kind in (files, blurred)]


class Stage:
    def __init__(self, model, choices, device):
        self.model, self.choices, self.device = model, choices, device
        self.context = networks.empty_context(model)
        self.sharp, self.blurred = held_out(choices.data / "held-out", HELD_OUT_SIDE, device)

    def first_weights(self):
        pass


class Autoencoder(Stage):
    """Images in 0...1 to latents to images in -1...1: that is how the sampler uses the two halves. The decoder alone learns; the encoder is a transform."""

    trained = ["vae.decoder", "vae.post_quant_conv"]

    def __init__(self, model, choices, device):
        super().__init__(model, choices, device)
        self.photographs = Photographs(choices.data / "train", choices.side, device)

    def first_weights(self):
        if not self.choices.start:
            networks.make_encoder(self.model, self.photographs.batch(256, torch.Generator(self.device).manual_seed(self.choices.seed)))

    def losses(self, generator):
        images = self.photographs.batch(self.choices.batch, generator)
        with torch.no_grad():
            latents = networks.transformed(self.model, images)
        # The sampler's last act sets the colours right, and a decoder of few channels has lost them to its norms.
        difference = 2 * (networks.coloured_as(networks.decode(self.model, latents), images) - images)
        steps = (difference[..., 1:] - difference[..., :-1]).abs().mean() + (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
        return {"absolute": difference.abs().mean(), "square": 2 * (difference**2).mean(), "edges": 0.5 * steps}

    def evaluate(self):
        latents = networks.encode(self.model, self.sharp)
        result = networks.coloured_as(networks.decode(self.model, latents), self.sharp).clamp(0, 1)
        return {"psnr": round(psnr(result, self.sharp).mean().item(), 3), "deviation": round(latents.std().item(), 3)}


class Denoiser(Stage):
    """The UNet alone, on noisy latents of sharp photographs."""

    trained = ["unet"]

    def __init__(self, model, choices, device):
        super().__init__(model, choices, device)
        self.photographs = Photographs(choices.data / "train", choices.side, device)
        self.cumulative = cumulative_products(device)

    def losses(self, generator):
        with torch.no_grad():
            latents = networks.transformed(self.model, self.photographs.batch(self.choices.batch, generator))
        timestep = torch.randint(1000, (len(latents),), generator=generator, device=self.device)
        signal = self.cumulative[timestep].view(-1, 1, 1, 1)
        noise = torch.randn(latents.shape, generator=generator, device=self.device)
        z = signal.sqrt() * latents + (1 - signal).sqrt() * noise
        return {"noise": F.mse_loss(self.model.unet(z, timestep.float(), self.context).float(), noise)}

    def evaluate(self):
        generator = torch.Generator(self.device).manual_seed(0)
        latents = networks.encode(self.model, self.sharp)
        noise = torch.randn(latents.shape, generator=generator, device=self.device)
        scores = {}
        for timestep in [250, 500, 750]:
            signal = self.cumulative[timestep]
            z = signal.sqrt() * latents + (1 - signal).sqrt() * noise
            predicted = self.model.unet(z, torch.full([len(z)], float(timestep), device=self.device), self.context).float()
            scores[f"noise_{timestep}"] = round(F.mse_loss(predicted, noise).item(), 5)
        return scores


class Deblur(Stage):
    """LKPN and ControlNet together (and the UNet, if told to): noise prediction, and latents both of the sampler's and of EAC's making.

    Most of a batch is at the timesteps that the sampler visits at its default number of steps, half of it at latents that the networks made themselves a step
    before, as when it runs: with few steps the errors of one are what the next one sees. The rest is at any timestep, for other numbers of steps.
    """

    def __init__(self, model, choices, device):
        super().__init__(model, choices, device)
        self.trained = ["controlnet", "kpn.unet"] + ["unet"] * choices.train_denoiser
        self.pairs = Pairs(choices.data / "train", choices.side, device, choices.seed, choices.extent)
        timesteps, (_, _, c1, c2, v) = networks.schedule(choices.sampler_steps)
        self.timesteps = torch.tensor(timesteps, device=device)
        self.c1, self.c2, self.v = (part.to(device).view(-1, 1, 1, 1) for part in (c1, c2, v))
        self.cumulative = cumulative_products(device).view(-1, 1, 1, 1)
        self.importance = networks.importance(model)
        count = choices.sampler_steps
        # How often each step is drawn: the first need not be exact, because noise covers its result.
        self.shares = torch.tensor([1.5 - 0.5 * index / count for index in range(count)], device=device)

    def first_weights(self):
        """The ControlNet starts as a copy of the UNet's first half; only its first convolution has other inputs."""
        zeros = [*self.model.controlnet.zero_convs, self.model.controlnet.middle_block_out]
        if any(part[0].weight.any() for part in zeros):
            return  # it is trained already
        own, other = self.model.controlnet.state_dict(), self.model.unet.state_dict()
        shared = {name: other[name] for name in own if name in other and other[name].shape == own[name].shape}
        self.model.controlnet.load_state_dict(own | shared)

    def estimate(self, z, blurred, timestep):
        """(noise, EAC's guidance, latents without the noise)"""
        noise, guidance = networks.predict(self.model, z, blurred, timestep.float(), self.context, self.choices.without)
        signal = self.cumulative[timestep]
        return noise, guidance, (z - (1 - signal).sqrt() * noise) / signal.sqrt()

    def noised(self, latents, timestep, noise):
        """Latents as noisy as at the timestep; at the last one noise alone, with which the sampler begins."""
        signal = torch.where(timestep == 999, 0, self.cumulative[timestep].view(-1)).view(-1, 1, 1, 1)
        return signal.sqrt() * latents + (1 - signal).sqrt() * noise

    def losses(self, generator):
        images, sharp = self.pairs.batch(self.choices.batch, generator)
        count = len(images)
        half, rest = count // 2, count // 8

        def randn():
            return torch.randn(latents.shape, generator=generator, device=self.device)

        def steps(shares, number):
            return torch.multinomial(shares, number, replacement=True, generator=generator)

        with torch.no_grad():
            latents, blurred = networks.transformed(self.model, sharp), networks.transformed(self.model, images)
            own = steps(self.shares[1:-1], half) + 1  # at the last step their errors are far larger than the noise that is to be found
            any_timestep = torch.randint(1000, (rest,), generator=generator, device=self.device)
            timestep = torch.cat([self.timesteps[own], self.timesteps[steps(self.shares, count - half - rest)], any_timestep])
            z = self.noised(latents, timestep, randn())
            before = self.timesteps[own + 1]
            earlier = self.noised(latents[:half], before, randn()[:half])
            estimate = self.estimate(earlier, blurred[:half], before)[2].clamp(-6, 6)  # of no use while they have learnt nothing
            z[:half] = self.c1[own + 1] * estimate + self.c2[own + 1] * earlier + self.v[own + 1].sqrt() * randn()[:half]
        noise, guidance, result = self.estimate(z, blurred, timestep)
        signal = self.cumulative[timestep]
        target = (z - signal.sqrt() * latents) / (1 - signal).sqrt()
        # The result's error is `gain` times the noise's. Where that is large, it is no measure of what the picture will be; where it is small, the noise's is
        # none, except that what the last step leaves is grain in smooth areas, which the eye sees though it is small.
        gain = (1 / signal - 1).sqrt()
        return {
            "noise": (self.importance * gain.clamp(0.25, 1) * (noise - target).abs()).mean(),
            "latents": (self.importance * (result - latents) ** 2 / gain.clamp(min=1) ** 2).mean(),
            "guidance": (self.importance * (guidance - latents).abs()).mean(),
        }

    def evaluate(self):
        generator = torch.Generator(self.device).manual_seed(0)
        result, guides = networks.restore(self.model, self.blurred, self.choices.sampler_steps, generator, self.context, self.choices.without)
        guided = networks.decode(self.model, guides[-1])
        scores = {"input": self.blurred, **{name: networks.coloured_as(images, self.blurred).clamp(0, 1) for name, images in [("guidance", guided), ("result", result)]}}
        return {f"psnr_{name}": round(psnr(images, self.sharp).mean().item(), 3) for name, images in scores.items()}


def cumulative_products(device):
    betas = torch.linspace(0.00085**0.5, 0.0120**0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float().to(device)


STAGES = {"autoencoder": Autoencoder, "denoiser": Denoiser, "deblur": Deblur}
