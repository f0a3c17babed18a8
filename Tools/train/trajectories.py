"""Training batches: blurred images' latents, the sampler's noisy ones beside them, and the sharp images."""
import torch

import model as networks


def noise(like, generator):
    return torch.randn(like.shape, generator=generator, device=like.device).contiguous(memory_format=torch.channels_last)


class Batches:
    def __init__(self, model, pairs, sampler, batch):
        self.model, self.pairs, self.sampler, self.count = model, pairs, sampler, batch

    def fresh(self, count, generator):
        images, sharp = self.pairs.batch(count, generator)
        return networks.encode(self.model, images).contiguous(memory_format=torch.channels_last), sharp


class FirstSteps(Batches):
    """Each pair is seen once, beside noise alone, and the sampler's steps are drawn: the networks learn to make of the blurred image all that can be made at once, whatever
    the step. That is where nearly all of the gain is, so it comes first; behind it Trajectories starts with steps that do not harm.
    """

    def batch(self, number, generator):
        """For update `number`: blurred images' latents, z, each image's step, and the sharp images."""
        blurred, sharp = self.fresh(self.count, generator)
        step = torch.randint(self.sampler.steps, (self.count,), generator=generator, device=generator.device)
        return blurred, noise(blurred, generator), step, sharp

    def advance(self, number, estimate, generator):
        pass


class Trajectories(Batches):
    """Pairs of images on their way through the sampler.

    A part of the batch, one for each step of the sampler, is at its first step, one at its second, and so on. An update uses what the networks have made of the
    steps before, then each part moves on by a step, and new images take the place of those that have been through all. So the networks learn from what they see
    when they run, their own errors included, and no forward pass is made for that alone.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.share = self.count // self.sampler.steps
        self.state = None

    def batch(self, number, generator):
        """As FirstSteps."""
        if self.state is None:
            blurred, sharp = self.fresh(self.share * self.sampler.steps, generator)
            self.state = {"blurred": blurred, "sharp": sharp, "z": noise(blurred, generator)}
        parts = torch.arange(self.sampler.steps, device=self.sampler.timesteps.device)
        self.step = ((number + parts) % self.sampler.steps).repeat_interleave(self.share)
        return self.state["blurred"], self.state["z"], self.step, self.state["sharp"]

    def advance(self, number, estimate, generator):
        """Moves on with the networks' estimates, after update `number`."""
        z = self.sampler.advance(self.state["z"], estimate, self.step, noise(estimate, generator))
        first = (self.sampler.steps - 1 - number) % self.sampler.steps * self.share
        place = slice(first, first + self.share)
        self.state["blurred"][place], self.state["sharp"][place] = self.fresh(self.share, generator)
        z[place] = noise(z[place], generator)
        self.state["z"] = z
