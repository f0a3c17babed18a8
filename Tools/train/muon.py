"""Muon (Jordan et al., 2024) for the convolutions between first and last, Adam for all else."""
import torch

# Polynomials that bring singular values between 0.01 and 1 near 1, one after the other ("The Polar Express", Amsel et al., 2025).
POLYNOMIALS = [(8.2872, -23.5959, 17.3004), (4.1071, -2.9478, 0.5448), (3.9487, -2.9089, 0.5518)]


def orthogonal(matrices):
    """Matrices [n, rows, columns] with their singular values replaced by about 1."""
    wide = matrices.shape[1] <= matrices.shape[2]
    x = matrices if wide else matrices.mT
    x = x / (1.01 * x.norm(dim=(1, 2), keepdim=True) + 1e-12)
    x = (in_bfloat16 if x.is_cuda else in_float32)(x)
    return x if wide else x.mT


def in_bfloat16(x):
    x = x.bfloat16()
    for a, b, c in POLYNOMIALS:
        squares = x @ x.mT
        x = a * x + (b * squares + c * (squares @ squares)) @ x
    return x.float()


def in_float32(x):
    """The same on squares alone, with half the work for matrices nine times as wide as high; bfloat16 is too coarse for it, and slow on most processors."""
    squares, one = x @ x.mT, torch.eye(x.shape[1], device=x.device)
    whole = one
    for a, b, c in POLYNOMIALS:
        factor = a * one + b * squares + c * (squares @ squares)
        whole, squares = factor @ whole, factor @ squares @ factor
    return whole @ x


class Muon(torch.optim.Optimizer):
    """A convolution's update is the momentum of its gradients, made orthogonal, as large as Adam's would be: all directions are learnt at the same speed."""

    def __init__(self, named, lr, paces, momentum=0.95, betas=(0.9, 0.98)):
        """`named` parameters; `paces` has factors on the rate for some of those that are Adam's, by name."""
        between = lambda name, value: value.ndim == 4 and "input_blocks.0." not in name and not name.endswith(".out.2.weight")  # noqa: E731
        shapes = {}
        for name, value in named.items():
            shapes.setdefault(value.shape if between(name, value) else None, []).append(value)
        self.momentum, self.betas = momentum, betas
        self.paces = {named[name]: pace for name, pace in paces.items()}
        super().__init__([{"params": values, "matrices": shape is not None, "step": 0} for shape, values in shapes.items()], {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            values = group["params"]
            gradients = [value.grad for value in values]
            for value in values:
                if "mean" not in self.state[value]:
                    self.state[value]["mean"] = torch.zeros_like(value)
                    if not group["matrices"]:
                        self.state[value]["square"] = torch.zeros_like(value)
            mean = [self.state[value]["mean"] for value in values]
            group["step"] += 1
            (self.turn if group["matrices"] else self.adapt)(group, values, gradients, mean)

    def turn(self, group, values, gradients, mean):
        torch._foreach_lerp_(mean, gradients, 1 - self.momentum)
        ahead = torch._foreach_lerp(gradients, mean, self.momentum)
        changes = orthogonal(torch.stack([change.flatten(1) for change in ahead]))
        size = 0.2 * max(changes.shape[1:]) ** 0.5
        torch._foreach_add_(values, [change.view(values[0].shape) for change in changes], alpha=-group["lr"] * size)

    def adapt(self, group, values, gradients, mean):
        first, second = self.betas
        square = [self.state[value]["square"] for value in values]
        torch._foreach_lerp_(mean, gradients, 1 - first)
        torch._foreach_mul_(square, second)
        torch._foreach_addcmul_(square, gradients, gradients, 1 - second)
        deviation = torch._foreach_sqrt(square)
        torch._foreach_div_(deviation, (1 - second ** group["step"]) ** 0.5)
        torch._foreach_add_(deviation, 1e-8)
        changes = torch._foreach_div(mean, deviation)
        for value, change in zip(values, changes):
            change.mul_(self.paces.get(value, 1))
        torch._foreach_add_(values, changes, alpha=-group["lr"] / (1 - first ** group["step"]))
