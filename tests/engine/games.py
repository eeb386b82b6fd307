"""Experiments that between them meet every rule of a training step."""

from ganviz.experiment import Experiment


def experiment_of(**fields: object) -> Experiment:
    """Make an experiment in 64 bits from paths with underscores doubled for dots."""
    values = {path.replace("__", "."): value for path, value in fields.items()}
    return Experiment.from_mapping({"precision": 64, **values})


def optimizers(kind: str, rate: float, other: str | None = None, **more: object) -> dict[str, object]:
    """Return the fields of both players' optimizers: one kind, or the discriminator's and the generator's."""
    fields = {
        "optimizer__discriminator__kind": kind, "optimizer__discriminator__learning_rate": rate,
        "optimizer__generator__kind": other or kind, "optimizer__generator__learning_rate": rate / 2,
    }  # fmt: skip
    return fields | {f"optimizer__{player}__{name}": value
                     for player in ("generator", "discriminator") for name, value in more.items()}  # fmt: skip


TINY = {
    "schedule__batch": 5, "noise__dimension": 2, "data__kind": "uniform",
    "generator__hidden": [], "discriminator__hidden": [],
}  # fmt: skip
DEEP = {
    "schedule__batch": 6, "noise__dimension": 3, "generator__hidden": [4, 3], "discriminator__hidden": [3, 9],
    "generator__activation": "tanh", "discriminator__activation": "softplus",
}  # fmt: skip
SMALL = {**DEEP, "generator__hidden": [2], "discriminator__hidden": [3], "noise__dimension": 2}
SGD = optimizers("sgd", 0.1)
TOGETHER = {"schedule__updates": "simultaneous"}
EXTRAGRADIENT = {**TOGETHER, **optimizers("extragradient", 0.1)}
# A critic's last bias has no gradient, only its rounding, which RMSProp and Adam would blow up: so no biases.
WASSERSTEIN = {"objective__kind": "wasserstein", "discriminator__bias": False}
RELATIVISTIC = {"objective__kind": "relativistic", "discriminator__bias": False}
BLUR = {"instance_noise__std": 0.5, "instance_noise__decay_steps": 3}
POOLS = {"data__size": 7, "noise__size": 11}
TWICE = {"schedule__discriminator_steps": 2, "schedule__generator_steps": 2}
NORMED = {"generator__normalization": "batch", "discriminator__normalization": "batch", "schedule__batch": 8}
DIRAC = {"data__kind": "diracs", "generator__bias": False, "discriminator__bias": False, "noise__dimension": 1}

GAMES: dict[str, dict[str, object]] = {
    # Who moves when.
    "alternating": {**TINY, **SGD},
    "alternating-2-2": {**TINY, **SGD, **TWICE},
    "alternating-dirac-2-2": {**TINY, **SGD, **DIRAC, **TWICE},
    "simultaneous": {**TINY, **SGD, **TOGETHER},
    "simultaneous-2-2": {**TINY, **SGD, **TOGETHER, **TWICE},
    "simultaneous-1-3": {**DEEP, **SGD, **TOGETHER, "schedule__generator_steps": 3},
    "extragradient": {**DEEP, **EXTRAGRADIENT},
    "extragradient-busy": {
        **DEEP, **EXTRAGRADIENT, **BLUR, **POOLS, **RELATIVISTIC, "generator__ema": 0.8, "discriminator__clip": 0.3,
    },
    "reuse": {**DEEP, **SGD, "schedule__reuse_fakes": True, "schedule__discriminator_steps": 3},
    "reuse-busy": {
        **DEEP, **SGD, **BLUR, **POOLS, **RELATIVISTIC, "schedule__reuse_fakes": True,
        "schedule__discriminator_steps": 3,
    },
    "reuse-together": {
        **DEEP, **SGD, **BLUR, **POOLS, **TOGETHER, "schedule__reuse_fakes": True, "schedule__discriminator_steps": 2,
    },
    # Optimizers.
    "momentum": {**DEEP, **optimizers("momentum", 0.05)},
    "rmsprop": {**DEEP, **optimizers("rmsprop", 0.01)},
    "rmsprop-tf1": {**DEEP, **optimizers("rmsprop-tf1", 0.1)},
    "adam": {**DEEP, **optimizers("adam", 0.02)},
    "adam-tensorflow": {**DEEP, **optimizers("adam", 0.02, tensorflow_epsilon=True, epsilon=1e-3)},
    "optimistic": {**DEEP, **optimizers("optimistic", 0.1), **TWICE},
    "optimistic-adam": {**DEEP, **optimizers("optimistic-adam", 0.02), **TWICE},
    "mixed": {**DEEP, **optimizers("rmsprop-tf1", 0.05, "optimistic-adam"), **TOGETHER},
    "mixed-too": {**DEEP, **optimizers("momentum", 0.05, "rmsprop"), **TWICE},
    "linear": {**DEEP, **optimizers("adam", 0.02, rate_schedule="linear", rate_steps=3), **TWICE},
    "cosine": {**DEEP, **optimizers("sgd", 0.1, rate_schedule="cosine", rate_steps=5)},
    "linear-extragradient": {**DEEP, **EXTRAGRADIENT, "optimizer__generator__rate_schedule": "linear",
                             "optimizer__generator__rate_steps": 3},
    "average": {**DEEP, **SGD, **TWICE, "generator__ema": 0.7},
    # Data and noise.
    "pools": {**DEEP, **SGD, **POOLS, **TWICE},
    "pools-smaller-than-a-batch": {**DEEP, **SGD, "data__size": 2, "noise__size": 4},
    "pools-of-both-players": {**DEEP, **SGD, **POOLS, **TWICE, **RELATIVISTIC},
    "truncated": {**DEEP, **SGD, "noise__kind": "truncated-normal", "noise__mean": 0.5, "noise__std": 0.25},
    "uniform": {**DEEP, **SGD, "noise__kind": "uniform", "noise__mean": -0.5, "noise__std": 2.0},
    "standardized": {**DEEP, **SGD, "data__standardize": True, "data__kind": "moons"},
    "instance-noise": {**DEEP, **SGD, **BLUR, **TWICE},
    "instance-noise-constant": {**DEEP, **SGD, **TOGETHER, "instance_noise__std": 0.5, "generator__output": "sigmoid"},
    "instance-noise-relativistic": {**DEEP, **SGD, **BLUR, **TWICE, **RELATIVISTIC},
    # Objectives.
    "adam-smoothed": {**DEEP, **optimizers("adam", 1e-2), "objective__real_label": 0.9, "objective__fake_label": 0.1},
    "minimax": {**DEEP, **SGD, "objective__kind": "minimax", "generator__output": "tanh", "data__kind": "moons"},
    "least-squares": {**DEEP, **SGD, "objective__kind": "least-squares", "objective__real_label": 0.9},
    "hinge": {**DEEP, **SGD, "objective__kind": "hinge"},
    "relativistic": {**DEEP, **optimizers("adam", 0.01), **RELATIVISTIC, **TWICE},
    "pearson": {**DEEP, **SGD, "objective__kind": "pearson"},
    "alpha": {**DEEP, **SGD, "objective__kind": "alpha", "objective__discriminator_alpha": 2.5,
              "objective__generator_alpha": 0.5},
    "wgan-clip": {
        **DEEP, **WASSERSTEIN, **optimizers("rmsprop", 2e-2), "discriminator__clip": 0.3, "noise__kind": "uniform",
        "schedule__discriminator_steps": 5,
    },
    # Penalties.
    "wgan-gp": {**DEEP, **WASSERSTEIN, **optimizers("adam", 0.01), "penalty__kind": "gradient", **TWICE},
    "one-sided": {**DEEP, **SGD, **BLUR, "penalty__kind": "one-sided", "penalty__target": 0.05, "penalty__weight": 1.0},
    "dragan": {**DEEP, **SGD, **BLUR, "penalty__kind": "dragan", "penalty__weight": 1.0, **TWICE},
    "dragan-packed": {**DEEP, **SGD, **BLUR, "penalty__kind": "dragan", "penalty__weight": 1.0,
                      "discriminator__packing": 3},
    "gradient-packed": {**DEEP, **SGD, "penalty__kind": "gradient", "penalty__weight": 1.0,
                        "discriminator__packing": 2, "discriminator__spectral_norm": True},
    "r1": {**DEEP, **SGD, "penalty__kind": "r1", "penalty__weight": 1.0},
    "r2": {**DEEP, **SGD, "penalty__kind": "r2", "penalty__weight": 1.0, **EXTRAGRADIENT},
    "r1-r2": {**DEEP, **SGD, **RELATIVISTIC, "penalty__kind": "r1-r2", "penalty__weight": 1.0},
    "consensus": {**SMALL, **SGD, **TOGETHER, "penalty__kind": "consensus", "penalty__weight": 2.0},
    "consensus-busy": {**SMALL, **SGD, **BLUR, **POOLS, "penalty__kind": "consensus", "penalty__weight": 0.5,
                       "discriminator__spectral_norm": True, **RELATIVISTIC},
    # Networks.
    "spectral": {**DEEP, **SGD, "objective__kind": "hinge", "discriminator__spectral_norm": True, **TWICE},
    "spectral-extragradient": {**DEEP, **EXTRAGRADIENT, "discriminator__spectral_norm": True},
    "spectral-features": {**DEEP, **SGD, "discriminator__spectral_norm": True, "discriminator__minibatch_features": 2},
    "batch-norm": {**DEEP, **SGD, **NORMED, **TWICE},
    "batch-norm-busy": {
        **DEEP, **SGD, **NORMED, **BLUR, **RELATIVISTIC, **TOGETHER, "discriminator__packing": 2,
        "penalty__kind": "gradient", "penalty__weight": 0.1, "discriminator__spectral_norm": True,
    },
    "batch-norm-extragradient": {**DEEP, **NORMED, **EXTRAGRADIENT},
    "layer-norm": {**DEEP, **SGD, "generator__normalization": "layer", "discriminator__normalization": "layer"},
    "packing": {**DEEP, **SGD, "discriminator__packing": 3, **TWICE},
    "packing-relativistic": {**DEEP, **SGD, **RELATIVISTIC, **BLUR, "discriminator__packing": 2},
    "features": {**DEEP, **SGD, "discriminator__minibatch_features": 3, "discriminator__packing": 2},
    "maxout": {**DEEP, **SGD, "generator__activation": "maxout", "discriminator__activation": "maxout"},
    "residual": {
        **DEEP, **SGD, "generator__hidden": [4, 4], "generator__residual": True, "generator__activation": "gelu",
        "discriminator__hidden": [2, 5, 5], "discriminator__residual": True, "discriminator__activation": "elu",
    },
    "relu": {**DEEP, **SGD, "generator__activation": "relu", "discriminator__activation": "leaky-relu"},
    "sine": {**DEEP, **SGD, "generator__activation": "sine", "discriminator__activation": "sigmoid"},
    # Unrolled updates, from the moments that training has.
    "unrolled": {**SMALL, **SGD, "schedule__unroll": 2},
    "unrolled-adam": {**SMALL, **optimizers("adam", 0.02, epsilon=1e-2), "schedule__unroll": 2, **BLUR, **TWICE},
    "unrolled-momentum": {**SMALL, **optimizers("momentum", 0.05, rate_schedule="linear", rate_steps=3), **POOLS,
                          "schedule__unroll": 3, **TOGETHER},
    "unrolled-gradient": {**SMALL, **optimizers("rmsprop-tf1", 0.1), "schedule__unroll": 2, "penalty__weight": 0.5,
                          "penalty__kind": "gradient"},
    "unrolled-dragan": {**SMALL, **optimizers("rmsprop", 0.02, epsilon=0.1), "schedule__unroll": 1,
                        "penalty__kind": "dragan", "penalty__weight": 0.5, "schedule__reuse_fakes": True},
    "unrolled-clip": {**SMALL, **SGD, **WASSERSTEIN, "discriminator__clip": 0.4, "schedule__unroll": 2},
    "unrolled-spectral": {**SMALL, **SGD, "discriminator__spectral_norm": True, "schedule__unroll": 2,
                          "discriminator__packing": 2},
    "unrolled-tensorflow": {**SMALL, **optimizers("adam", 0.02, epsilon=1e-2, tensorflow_epsilon=True),
                            "schedule__unroll": 2, **RELATIVISTIC},
}  # fmt: skip
