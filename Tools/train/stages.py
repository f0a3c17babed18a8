"""What each stage of the training trains, its losses, and how it is judged on held-out photographs."""
import pathlib

import numpy
import torch
from PIL import Image
from torch.nn import functional as F

import model as networks
from crops import Pairs, Photographs
from measures import psnr


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
        self.sharp, self.blurred = held_out(choices.data / "held-out", 256, device)

    def first_weights(self):
        pass

    def finish(self):
        pass


class Autoencoder(Stage):
    """Images in 0...1 to latents to images in -1...1: that is how the sampler uses the two halves."""

    trained = ["vae"]

    def __init__(self, model, choices, device):
        super().__init__(model, choices, device)
        self.photographs = Photographs(choices.data / "train", choices.side, device)

    def first_weights(self):
        # Little noise on the latents at first, or the decoder has nothing to start from.
        with torch.no_grad():
            self.model.vae.quant_conv.bias[len(self.model.vae.quant_conv.bias) // 2 :] = -6

    def losses(self, generator):
        images = self.photographs.batch(self.choices.batch, generator)
        mean, log_variance = self.model.vae.moments(images).float().chunk(2, dim=1)
        log_variance = log_variance.clamp(-30, 20)
        noise = torch.randn(mean.shape, generator=generator, device=self.device)
        result = self.model.vae.decode(mean + torch.exp(0.5 * log_variance) * noise).float()
        difference = result - (2 * images - 1)
        steps = (difference[..., 1:] - difference[..., :-1]).abs().mean() + (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
        return {"absolute": difference.abs().mean(), "square": 2 * (difference**2).mean(), "edges": 0.5 * steps, "divergence": 1e-5 * divergence}

    def finish(self):
        generator = torch.Generator(self.device).manual_seed(self.choices.seed)
        networks.settle_latents(self.model, self.photographs.batch(64, generator))

    def evaluate(self):
        result = networks.decode(self.model, networks.encode(self.model, self.sharp)).clamp(0, 1)
        latents = networks.encode(self.model, self.sharp)
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
            latents = networks.encode(self.model, self.photographs.batch(self.choices.batch, generator), generator)
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

    Trained on the timesteps that the sampler visits at its default number of steps. It starts from noise alone, and its later latents are partly made from the
    networks' own earlier results, as they are when it runs: with few steps the errors of one are what the next one sees.
    """

    def __init__(self, model, choices, device):
        super().__init__(model, choices, device)
        self.trained = ["controlnet", "kpn.unet"] + ["unet"] * choices.train_denoiser
        self.pairs = Pairs(choices.data / "train", choices.side, device, choices.seed, choices.extent)
        self.timesteps, coefficients = networks.schedule(choices.sampler_steps)
        self.a, self.b, self.c1, self.c2, self.v = (part.to(device) for part in coefficients)
        count = choices.sampler_steps
        # How often each step is drawn: the last one hardly changes anything, and the first need not be exact, because noise covers its result.
        self.shares = torch.tensor([0.3, *[1.5 - 0.5 * index / count for index in range(1, count)]], device=device)

    def first_weights(self):
        raise SystemExit("The stage 'deblur' needs --start: the weights of a stage before.")

    def starts_from_denoiser(self):
        own, other = self.model.controlnet.state_dict(), self.model.unet.state_dict()
        self.model.controlnet.load_state_dict(own | {name: other[name] for name in own if name in other and other[name].shape == own[name].shape})

    def estimate(self, z, blurred, index):
        timestep = torch.tensor(self.timesteps, device=self.device)[index].float()
        noise, guidance = networks.predict(self.model, z, blurred, timestep, self.context, self.choices.without)
        a, b = self.a[index].view(-1, 1, 1, 1), self.b[index].view(-1, 1, 1, 1)
        return noise, guidance, a * z - b * noise

    def noised(self, latents, index, noise):
        """Latents as noisy as the step's, from noise alone at the sampler's start."""
        a, b = self.a[index].view(-1, 1, 1, 1), self.b[index].view(-1, 1, 1, 1)
        start = (index == self.choices.sampler_steps - 1).view(-1, 1, 1, 1)
        return torch.where(start, noise, (latents + b * noise) / a)

    def losses(self, generator):
        images, sharp = self.pairs.batch(self.choices.batch, generator)

        def randn():
            return torch.randn(latents.shape, generator=generator, device=self.device)

        with torch.no_grad():
            latents, blurred = networks.encode(self.model, sharp), networks.encode(self.model, images, generator)
            # The first half of the batch starts from what the networks make of the step before.
            half = len(latents) // 2
            own = torch.multinomial(self.shares[:-1], half, replacement=True, generator=generator)
            index = torch.cat([own, torch.multinomial(self.shares, len(latents) - half, replacement=True, generator=generator)])
            z = self.noised(latents, index, randn())
            earlier = self.noised(latents[:half], own + 1, randn()[:half])
            estimate = self.estimate(earlier, blurred[:half], own + 1)[2]
            c1, c2, v = (part[own + 1].view(-1, 1, 1, 1) for part in (self.c1, self.c2, self.v))
            z[:half] = c1 * estimate + c2 * earlier + v.sqrt() * randn()[:half]
        noise, guidance, result = self.estimate(z, blurred, index)
        a, b = self.a[index].view(-1, 1, 1, 1), self.b[index].view(-1, 1, 1, 1)
        target = (a * z - latents) / b
        # The result's error is b times the noise's. Where b is large, that is no measure of what the picture will be; where it is small, the noise's is none.
        return {
            "noise": (torch.clamp(b, max=1) * (noise - target).abs()).mean(),
            "latents": ((result - latents) ** 2 / torch.clamp(b, min=1) ** 2).mean(),
            "guidance": (guidance - latents).abs().mean(),
        }

    def evaluate(self):
        generator = torch.Generator(self.device).manual_seed(0)
        result, guides = networks.restore(self.model, self.blurred, self.choices.sampler_steps, generator, self.context, self.choices.without)
        result = networks.coloured_as(result, self.blurred)
        guided = networks.decode(self.model, guides[-1]).clamp(0, 1)
        scores = {"input": self.blurred, "guidance": guided, "result": result}
        return {name: round(psnr(images, self.sharp).mean().item(), 3) for name, images in scores.items()}


def cumulative_products(device):
    betas = torch.linspace(0.00085**0.5, 0.0120**0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float().to(device)


STAGES = {"autoencoder": Autoencoder, "denoiser": Denoiser, "deblur": Deblur}
