"""Writes autoencoder.npz: Gaussian latent and the loss of a VAE with their gradients, by PyTorch in float64."""

import numpy as np
import torch
from archive import case, save
from torch.distributions import Normal, kl_divergence

rng = np.random.default_rng(15)
store = {}
mean, log_var = rng.normal(size=(5, 3)), 2 * rng.normal(size=(5, 3))
mean[0], log_var[0] = [0, 1e-9, 30], [0, 1e-9, -30]         # no divergence, hardly any, much
output, target = rng.normal(size=(5, 4 + 2 * 3)), rng.normal(size=(5, 4))
reductions = {"mean": torch.mean, "sum": torch.sum, "none": lambda each: each}


def latent(mean, log_var):
    return Normal(mean, (0.5 * log_var).exp())


def kl(mean, log_var):
    prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    return kl_divergence(latent(mean, log_var), prior).sum(1)


def draw(mean, log_var, noise):
    return mean + (0.5 * log_var).exp() * noise


def negative_bound(output, target, sigma, beta):
    reconstruction, mean, log_var = output[:, :4], output[:, 4:7], output[:, 7:]
    return -Normal(reconstruction, sigma).log_prob(target).sum(1) + beta * kl(mean, log_var)


store |= case(rng, "reparameterize", draw, dict(mean=mean, log_var=log_var, noise=rng.normal(size=(5, 3))))
for reduction, reduced in reductions.items():
    store |= case(rng, f"gaussian_kl/reduction='{reduction}'", lambda mean, log_var, f=reduced: f(kl(mean, log_var)),
                  dict(mean=mean, log_var=log_var))
    for sigma, beta in ((1.0, 1.0), (0.2, 1.0), (0.5, 4.0), (2.0, 0.0)):
        store |= case(rng, f"vae_loss/reduction='{reduction}',sigma={sigma},beta={beta}",
                      lambda output, target, f=reduced, s=sigma, b=beta: f(negative_bound(output, target, s, b)),
                      dict(output=output, target=target))

save(__file__, store, torch.__version__)
