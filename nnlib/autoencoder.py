"""Autoencoders with a Gaussian latent (chapter 15): the variational autoencoder (VAE) and the two terms of its loss.

The encoder gives each sample a Gaussian in the latent space: Z means and Z logarithms of variances. A latent z is
drawn from it, and the decoder makes a reconstruction of z. Training is that of any model, with the input as target::

    model = VAE(Sequential(Dense(64, 32), Activation(relu), Dense(32, 4)),         # 2 Z = 4 numbers, so Z = 2
                Sequential(Dense(2, 32), Activation(relu), Dense(32, 64)), rng=rng)
    output = model(X)                           # (N, D + 2 Z): reconstruction, mean and log_var, side by side
    loss, pullback = vae_loss.vjp(output, X, sigma=0.2)
    model.backward(pullback(1.0)[0])

References
----------
Kingma and Welling, "Auto-encoding variational Bayes", 2014; Rezende, Mohamed and Wierstra, "Stochastic
backpropagation and approximate inference in deep generative models", 2014.
"""

import math

import numpy as np

from nnlib import checks
from nnlib.layer import Layer
from nnlib.losses import reduced
from nnlib.operation import operation


def _halves(who, code):
    """Mean and log_var of rows that hold both."""
    if code.ndim != 2 or code.shape[1] % 2 or code.shape[1] == 0:
        raise ValueError(f"{who} expects mean and log_var, (N, 2 Z) with Z >= 1, got {code.shape}")
    return np.split(code, 2, axis=1)


@operation("(N,Z),(N,Z),(N,Z)")
def reparameterize(mean, log_var, noise):
    """A draw from a Gaussian as a function of its parameters: z = mean + exp(½ log_var) ∗ noise.

    The noise is standard normal and comes from outside, so z has a derivative: dmean = dz, dlog_var = ½ dz ∗ (z − mean).

    Parameters
    ----------
    mean, log_var, noise : arrays (N, Z)

    Returns
    -------
    Array (N, Z).

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Kingma and Welling, "Auto-encoding variational Bayes", 2014, section 2.4.
    """
    std = np.exp(0.5 * log_var)
    away = std * noise
    return mean + away, lambda dz: (dz, 0.5 * dz * away, dz * std)


@operation("(N,Z),(N,Z)")
def gaussian_kl(mean, log_var, *, reduction="mean"):
    r"""Kullback–Leibler divergence of N(mean, exp(log_var)) from the standard normal, in nats, of each sample:
    :math:`\frac12 \sum_j (\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2)`.

    Parameters
    ----------
    mean, log_var : arrays (N, Z)
        log_var is :math:`\log \sigma^2`.
    reduction : "mean" or "sum" over the samples, or "none", which gives the divergence of each sample (N,)

    Raises
    ------
    ValueError
        If the shapes do not fit, or for the mean of no samples.

    References
    ----------
    Kingma and Welling, "Auto-encoding variational Bayes", 2014, appendix B.
    """
    excess = np.expm1(log_var)                  # exact near 0, where the divergence is small
    each = 0.5 * (mean * mean + excess - log_var).sum(axis=1)
    value, pullback = reduced("gaussian_kl", each, reduction, lambda dy: (dy[..., None] * mean, 0.5 * dy[..., None] * excess))
    return value, lambda dy: pullback(dy)[0]


@operation("(N,O),(N,D)")
def vae_loss(output, target, *, sigma=1.0, beta=1.0, reduction="mean"):
    r"""Negative evidence lower bound of a VAE whose decoder is Gaussian with standard deviation sigma, in nats:
    :math:`\sum_d \left( \frac{(x_d - \hat x_d)^2}{2 \sigma^2} + \log \sigma + \frac12 \log 2 \pi \right) +
    \beta\, \mathrm{KL}`, with the divergence of :func:`gaussian_kl`. With beta = 1 it is the bound, estimated with one
    draw; other weights make a beta-VAE.

    Parameters
    ----------
    output : array (N, D + 2 Z), as a :class:`VAE` gives it: reconstruction, mean, log_var
    target : array (N, D), the samples x
    sigma : number above 0, in the unit of x
    beta : number of at least 0, the weight of the divergence
    reduction : "mean" or "sum" over the samples, or "none", which gives the loss of each sample (N,)

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit, ``sigma`` or ``beta`` is no number in its range, or for the mean of no samples.

    References
    ----------
    Kingma and Welling, "Auto-encoding variational Bayes", 2014; with beta Higgins et al., "beta-VAE: learning basic
    visual concepts with a constrained variational framework", 2017.
    """
    checks.number("vae_loss", 0, above=True, sigma=sigma)
    checks.number("vae_loss", 0, beta=beta)
    D = target.shape[1]
    if output.shape[1] <= D or (output.shape[1] - D) % 2:
        raise ValueError(f"vae_loss expects output (N, {D} + 2 Z) with Z >= 1, got {output.shape}")
    error = output[:, :D] - target
    mean, log_var = _halves("vae_loss", output[:, D:])
    kl, kl_pullback = gaussian_kl.vjp(mean, log_var, reduction="none")
    constant = D * (math.log(sigma) + 0.5 * math.log(2 * math.pi))
    each = (error * error).sum(axis=1) / (2 * sigma ** 2) + constant + beta * kl

    def gradient(dy):
        dy = np.broadcast_to(dy, each.shape)
        return np.concatenate([dy[:, None] * error / sigma ** 2, *kl_pullback(beta * dy)], axis=1)
    return reduced("vae_loss", each, reduction, gradient)


class VAE(Layer):
    """Variational autoencoder: samples (N, D) -> (N, D + 2 Z), the reconstruction beside mean and log_var.

    In training mode each sample's latent is drawn anew from its Gaussian (:func:`reparameterize`), in evaluation mode
    it is the mean.

    Parameters
    ----------
    encoder : layer (N, D) -> (N, 2 Z), mean and log_var
    decoder : layer (N, Z) -> (N, D)
    rng : numpy Generator of the noise; without one, it differs each time

    Raises
    ------
    TypeError
        If a part is no :class:`~nnlib.layer.Layer`, or ``rng`` no generator.
    ValueError
        If the encoder does not give (N, 2 Z), or the decoder no rows.
    """

    def __init__(self, encoder, decoder, *, rng=None):
        for name, part in (("encoder", encoder), ("decoder", decoder)):
            if not isinstance(part, Layer):
                raise TypeError(f"VAE expects {name} as a layer, got {part!r}")
        self.encoder, self.decoder, self.rng = encoder, decoder, checks.generator("VAE", rng)

    def encode(self, x):
        """Mean and log_var of each sample's Gaussian: (N, D) -> (N, Z), (N, Z)."""
        return tuple(_halves("VAE", self.encoder.forward(x)))

    def vjp(self, x):
        code, into_encoder = self.encoder.vjp(x)
        mean, log_var = _halves("VAE", code)
        noise = self.rng.standard_normal(mean.shape, mean.dtype) if self.training else np.zeros_like(mean)
        z, into_latent = reparameterize.vjp(mean, log_var, noise)
        y, into_decoder = self.decoder.vjp(z)
        checks.shape("VAE", y, (len(z), "D"), "the decoder's output as")
        D, output = y.shape[1], np.concatenate([y, code], axis=1)
        whole = output.shape

        def pullback(dy, input_grad=True):
            dy = checks.shape("VAE.backward", dy, whole, "dy")
            dmean, dlog_var, _ = into_latent(into_decoder(dy[:, :D]))
            return into_encoder(dy[:, D:] + np.concatenate([dmean, dlog_var], axis=1), input_grad)
        return output, pullback
