"""Exercises of chapter 15, Autoencoders and the VAE."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="15_autoencoders",
    title="What a code costs",
    minutes=10,
    value=True,
    prerequisites=["the divergence of a Gaussian from the standard normal"],
)
def paper_kl():
    return 6.5 - np.log(3)


@paper_kl.mistake("The half is missing: it stands before the whole sum.")
def _():
    return 13 - 2 * np.log(3)


@paper_kl.mistake("The log variance stands where the variance belongs. The encoder gives log σ²; σ² is its exponential.")
def _():
    return 0.5 * (4 + 0 - 1 - 0) + 0.5 * (1 + np.log(9) - 1 - np.log(9))


@paper_kl.mistake("The sign of the logarithm is turned round. Being narrow costs something, and a wide Gaussian gets it back.")
def _():
    return 6.5 + np.log(3)


@paper_kl.mistake("The −1 is missing. Without it the prior itself would cost something.")
def _():
    return 7.5 - np.log(3)


@paper_kl.mistake("The latents are averaged. They are independent, so their divergences add up.")
def _():
    return (6.5 - np.log(3)) / 2


@paper_kl.mistake("The 9 is squared. It is a variance already: its logarithm was given as log σ².")
def _():
    return 0.5 * (4 + 1 - 1 + 1 + 81 - 1 - np.log(81))


@exercise(
    chapter="15_autoencoders",
    title="From one Gaussian to another",
    minutes=15,
    prerequisites=["KL divergence", "mean and variance of a Gaussian"],
)
def kl_between(mean_q, var_q, mean_p, var_p):
    away = ((mean_q - mean_p) ** 2 + var_q) / var_p
    return 0.5 * (away - 1 + np.log(var_p / var_q)).sum(axis=1)


def _gaussians(rng, n, latents):
    return rng.normal(size=(n, latents)), rng.uniform(0.2, 3, (n, latents))


@kl_between.inputs
def _(rng):
    mean, var = _gaussians(rng, 4, 3)
    yield "the standard normal as p", 1, (mean, var, np.zeros((4, 3)), np.ones((4, 3)))
    yield "two Gaussians with different means and variances", 2, (*_gaussians(rng, 5, 2), *_gaussians(rng, 5, 2))


@kl_between.mistake("The two have changed places: yours is the divergence of p from q. The mean is taken under q.")
def _(mean_q, var_q, mean_p, var_p):
    away = ((mean_q - mean_p) ** 2 + var_p) / var_q
    return 0.5 * (away - 1 + np.log(var_q / var_p)).sum(axis=1)


@kl_between.mistake(
    "The distance of the means is not measured in units of p's variance. The prior's variance of 1 hid that division."
)
def _(mean_q, var_q, mean_p, var_p):
    return 0.5 * ((mean_q - mean_p) ** 2 + var_q / var_p - 1 + np.log(var_p / var_q)).sum(axis=1)


@kl_between.mistake("The logarithm has the wrong sign: if q is narrower than p, that costs something.")
def _(mean_q, var_q, mean_p, var_p):
    away = ((mean_q - mean_p) ** 2 + var_q) / var_p
    return 0.5 * (away - 1 + np.log(var_q / var_p)).sum(axis=1)


@kl_between.mistake("The coordinates are averaged. They are independent, so their divergences add up.")
def _(mean_q, var_q, mean_p, var_p):
    away = ((mean_q - mean_p) ** 2 + var_q) / var_p
    return 0.5 * (away - 1 + np.log(var_p / var_q)).mean(axis=1)


@kl_between.mistake("This is the divergence from the standard normal. Here p has a mean and a variance of its own.")
def _(mean_q, var_q, mean_p, var_p):
    return 0.5 * (mean_q**2 + var_q - 1 - np.log(var_q)).sum(axis=1)


@kl_between.mistake("The −1 is missing, so that the divergence of a Gaussian from itself is not zero.")
def _(mean_q, var_q, mean_p, var_p):
    away = ((mean_q - mean_p) ** 2 + var_q) / var_p
    return 0.5 * (away + np.log(var_p / var_q)).sum(axis=1)


@exercise(
    chapter="15_autoencoders",
    title="The two terms of the bound",
    minutes=20,
    prerequisites=["reparameterisation", "KL divergence", "log density of a Gaussian"],
)
def bound_terms(x, mean, log_var, eps, W, b, sigma):
    z = mean + np.exp(log_var / 2) * eps
    error = ((x - z @ W - b) ** 2).sum(axis=1) / (2 * sigma**2)
    reconstruction = -error - x.shape[1] * np.log(sigma * np.sqrt(2 * np.pi))
    divergence = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)
    return reconstruction.mean(), divergence.mean()


@bound_terms.inputs
def _(rng):
    def samples(n, pixels, latents, sigma):
        x, b = rng.normal(size=(n, pixels)), rng.normal(size=pixels)
        mean, log_var, eps = rng.normal(size=(3, n, latents))
        return x, mean, log_var, eps, rng.normal(size=(latents, pixels)), b, sigma

    yield "one sample and one latent", 1, samples(1, 3, 1, 0.8)
    yield "a batch", 2, samples(5, 4, 2, 0.3)
    yield "more pixels", 1, samples(3, 7, 4, 1.7)


def _terms(x, mean, log_var, eps, W, b, sigma, *, spread=0.5, noise=True, constant=True, pixels=np.sum, prior=0.5):
    z = mean + (np.exp(spread * log_var) * eps if noise else 0)
    error = pixels((x - z @ W - b) ** 2, axis=1) / (2 * sigma**2)
    reconstruction = -error - constant * x.shape[1] * np.log(sigma * np.sqrt(2 * np.pi))
    divergence = prior * (mean**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)
    return reconstruction.mean(), divergence.mean()


@bound_terms.mistake("The variance stands where σ belongs. What is given is log σ², and the noise is stretched by σ.")
def _(*arguments):
    return _terms(*arguments, spread=1)


@bound_terms.mistake("The decoder gets the mean, and eps has no use. The term is a mean over draws; here one draw stands for it.")
def _(*arguments):
    return _terms(*arguments, noise=False)


@bound_terms.mistake("The squared error is averaged over the pixels. Their noises are independent: their log densities add up.")
def _(*arguments):
    return _terms(*arguments, pixels=np.mean)


@bound_terms.mistake("The constant of the Gaussian is missing. A log density has it, and it depends on sigma.")
def _(*arguments):
    return _terms(*arguments, constant=False)


@bound_terms.mistake("The divergence is twice as large as it should be: its half is missing.")
def _(*arguments):
    return _terms(*arguments, prior=1)


@bound_terms.mistake("The reconstruction has the wrong sign. A larger error makes x less probable, so it lowers the bound.")
def _(*arguments):
    reconstruction, divergence = _terms(*arguments)
    return -reconstruction, divergence


@bound_terms.mistake("The two terms have changed places: the reconstruction comes first.")
def _(*arguments):
    return _terms(*arguments)[::-1]


@exercise(
    chapter="15_autoencoders",
    title="How far apart are two planes?",
    minutes=15,
    prerequisites=["orthonormal basis", "singular values", "principal angle"],
)
def plane_angle(A, B):
    Q_A, Q_B = np.linalg.qr(A.T)[0], np.linalg.qr(B.T)[0]
    cosines = np.linalg.svd(Q_A.T @ Q_B, compute_uv=False)
    return np.degrees(np.arccos(np.clip(cosines.min(), 0, 1)))


@plane_angle.inputs
def _(rng):
    A = rng.normal(size=(2, 5))
    yield "two lines", 1, (rng.normal(size=(1, 4)), rng.normal(size=(1, 4)))
    yield "two planes in five dimensions", 1, (A, rng.normal(size=(2, 5)))
    yield "planes that share a direction", 1, (A, np.stack([A[0] - A[1], rng.normal(size=5)]))


@plane_angle.mistake(
    "The rows are used as they are. They are neither of length 1 nor at right angles: make an orthonormal basis of each "
    "subspace first."
)
def _(A, B):
    cosines = np.linalg.svd(A @ B.T, compute_uv=False)
    return np.degrees(np.arccos(np.clip(cosines.min(), 0, 1)))


@plane_angle.mistake(
    "Rows of length 1 are not enough: two rows of one plane may lie at any angle to each other. Make an orthonormal basis."
)
def _(A, B):
    A, B = (M / np.linalg.norm(M, axis=1, keepdims=True) for M in (A, B))
    cosines = np.linalg.svd(A @ B.T, compute_uv=False)
    return np.degrees(np.arccos(np.clip(cosines.min(), 0, 1)))


@plane_angle.mistake("This is the smallest of the principal angles. The largest one has the smallest cosine.")
def _(A, B):
    Q_A, Q_B = np.linalg.qr(A.T)[0], np.linalg.qr(B.T)[0]
    cosines = np.linalg.svd(Q_A.T @ Q_B, compute_uv=False)
    return np.degrees(np.arccos(np.clip(cosines.max(), 0, 1)))


@plane_angle.mistake("The answer is asked for in degrees; this one is in radians.")
def _(A, B):
    Q_A, Q_B = np.linalg.qr(A.T)[0], np.linalg.qr(B.T)[0]
    cosines = np.linalg.svd(Q_A.T @ Q_B, compute_uv=False)
    return np.arccos(np.clip(cosines.min(), 0, 1))


@plane_angle.mistake(
    "This compares the first row of A with the first row of B. A plane has no first row: other rows may span the same one."
)
def _(A, B):
    cosine = abs(A[0] @ B[0]) / np.linalg.norm(A[0]) / np.linalg.norm(B[0])
    return np.degrees(np.arccos(np.clip(cosine, 0, 1)))


@exercise(
    chapter="15_autoencoders",
    title="Straight to step t",
    minutes=15,
    prerequisites=["the forward step of a diffusion", "variances of independent numbers add"],
)
def noised(x0, noise, eps):
    left = np.cumprod(1 - noise)[:, None]
    return np.sqrt(left) * x0 + np.sqrt(1 - left) * eps


@noised.inputs
def _(rng):
    yield "one step", 1, (rng.normal(size=4), rng.uniform(0.1, 0.4, 1), rng.normal(size=4))
    yield "many steps", 2, (rng.normal(size=5), rng.uniform(0.02, 0.3, 8), rng.normal(size=5))


@noised.mistake(
    "Each row has the noise of its own step alone. What is left of the signal shrinks in every step before it too."
)
def _(x0, noise, eps):
    return np.sqrt(1 - noise)[:, None] * x0 + np.sqrt(noise)[:, None] * eps


@noised.mistake("The shares of noise are added up. It is the shares that are kept which multiply, step after step.")
def _(x0, noise, eps):
    taken = np.clip(np.cumsum(noise), 0, 1)[:, None]
    return np.sqrt(1 - taken) * x0 + np.sqrt(taken) * eps


@noised.mistake("These are shares of the variance. The numbers themselves are multiplied by a root.")
def _(x0, noise, eps):
    left = np.cumprod(1 - noise)[:, None]
    return left * x0 + (1 - left) * eps


@noised.mistake("Signal and noise have changed places: the noise grows with each step, and the signal fades.")
def _(x0, noise, eps):
    left = np.cumprod(1 - noise)[:, None]
    return np.sqrt(1 - left) * x0 + np.sqrt(left) * eps


@noised.mistake("The first row is still clean. Row 0 is the sample after the first step.")
def _(x0, noise, eps):
    left = np.cumprod(np.append(1.0, 1 - noise[:-1]))[:, None]
    return np.sqrt(left) * x0 + np.sqrt(1 - left) * eps


@noised.mistake("The signal fades, and the noise stays small: in every row it is that of the last step alone.")
def _(x0, noise, eps):
    return np.sqrt(np.cumprod(1 - noise))[:, None] * x0 + np.sqrt(noise)[:, None] * eps
