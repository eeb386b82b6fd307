"""What PyTorch and JAX do on the workloads of ``ganviz bench``; `benchmarks/engine.py` starts this and asks.

Each does the same arithmetic as ganviz: fresh real samples and fresh noise in every update, the same networks, losses,
penalty and optimizers, on one thread. PyTorch as people write it, with its fused optimizers; JAX as one compiled loop
over a block of iterations. The workloads come as an experiment's fields (`ganviz.bench.WORKLOADS`); ganviz itself is
not needed here.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

Settings = dict[str, Any]
Trainer = tuple[Callable[[], Any], int]
"""What trains a block of iterations, and their number."""

BLOCK = 6e9
"""Multiply-adds of a block of iterations, about."""


def serve(prepare: Callable[[Settings], Callable[[float], Any]], version: str) -> None:
    """Answer on standard output what `benchmarks/engine.py` asks on standard input, a line of JSON each.

    The first line said is the version. Then ``{"settings": ...}`` prepares a workload, and ``{"seconds": ...}`` times
    it for so long.
    """
    # Whoever asks ends this; an interrupt from the keyboard is for them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries may print; answers go where nothing else does.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    print(json.dumps(version), file=answers)
    timing: Callable[[float], Any] | None = None
    for line in sys.stdin:
        asked = json.loads(line)
        if "settings" in asked:
            # What the last one held is given back first.
            timing = None
            timing = prepare(asked["settings"])
            print(json.dumps("ready"), file=answers)
        elif timing is not None:
            print(json.dumps(timing(asked["seconds"])), file=answers)


def timed(make: Callable[[Settings], Trainer], settings: Settings) -> Callable[[float], dict[str, float]]:
    """Return what trains for some seconds; it says the iterations per second and the share of time that it had."""
    train, iterations = make(settings)
    # The first two compile and settle.
    train()
    train()

    def timing(seconds: float) -> dict[str, float]:
        began, worked = time.perf_counter(), time.process_time()
        elapsed, done = 0.0, 0
        while elapsed < seconds:
            train()
            done += iterations
            elapsed = time.perf_counter() - began
        return {"rate": done / elapsed, "presence": (time.process_time() - worked) / elapsed}

    return timing


def block(settings: Settings) -> int:
    """Return how many iterations take long enough that the start of a compiled loop of them does not count."""
    wide = max(settings["discriminator.hidden"])
    passes = settings["schedule.batch"] * (settings["schedule.discriminator_steps"] + 1) * 8
    work = passes * wide * wide * (len(settings["discriminator.hidden"]) - 1)
    return min(max(round(BLOCK / work), 3), 400)


def torch_trainer(settings: Settings, compiled: bool = False) -> Trainer:
    """Make a training in PyTorch; where it is to be compiled, the two losses are."""
    import torch
    from torch.nn.functional import softplus

    torch.set_num_threads(1)
    batch, latent = settings["schedule.batch"], settings["noise.dimension"]
    modes, radius, std = settings["data.modes"], settings["data.radius"], settings["data.std"]
    wasserstein = settings["objective.kind"] == "wasserstein"
    clip = settings.get("discriminator.clip", 0.0)
    weight = settings["penalty.weight"] if settings.get("penalty.kind") == "gradient" else 0.0

    def network(inputs: int, hidden: list[int], outputs: int) -> torch.nn.Sequential:
        layers: list[torch.nn.Module] = []
        for width in hidden:
            layers += [torch.nn.Linear(inputs, width), torch.nn.ReLU()]
            inputs = width
        return torch.nn.Sequential(*layers, torch.nn.Linear(inputs, outputs))

    def optimizer(player: str, net: torch.nn.Module) -> torch.optim.Optimizer:
        own = {
            name: settings.get(f"optimizer.{player}.{name}") for name in ("learning_rate", "beta1", "beta2", "decay")
        }
        rate = own["learning_rate"]
        match settings[f"optimizer.{player}.kind"]:
            case "sgd":
                return torch.optim.SGD(net.parameters(), rate, fused=True)
            case "adam":
                return torch.optim.Adam(net.parameters(), rate, betas=(own["beta1"], own["beta2"]), fused=True)
            case "rmsprop":
                return torch.optim.RMSprop(net.parameters(), rate, alpha=own["decay"], foreach=True)
            case other:
                raise NotImplementedError(other)

    generator = network(latent, settings["generator.hidden"], 2)
    discriminator = network(2, settings["discriminator.hidden"], 1)
    move_generator, move_discriminator = optimizer("generator", generator), optimizer("discriminator", discriminator)
    judges = list(discriminator.parameters())
    angles = torch.arange(modes) * (2 * math.pi / modes)
    centres = radius * torch.stack([angles.cos(), angles.sin()], 1)

    def discriminator_loss(real: torch.Tensor, fake: torch.Tensor, mix: torch.Tensor | None) -> torch.Tensor:
        on_real, on_fake = discriminator(real), discriminator(fake)
        loss = on_fake.mean() - on_real.mean() if wasserstein else softplus(-on_real).mean() + softplus(on_fake).mean()
        if mix is not None:
            between = (mix * real + (1 - mix) * fake).requires_grad_()
            (slope,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
            loss = loss + weight * ((slope.norm(dim=1) - 1) ** 2).mean()
        return loss

    def generator_loss(noise: torch.Tensor) -> torch.Tensor:
        outputs = discriminator(generator(noise))
        return -outputs.mean() if wasserstein else softplus(-outputs).mean()

    if compiled:
        generator_loss = torch.compile(generator_loss)
        # It cannot differentiate twice.
        discriminator_loss = discriminator_loss if weight else torch.compile(discriminator_loss)

    def update_discriminator() -> None:
        real = centres[torch.randint(0, modes, (batch,))] + std * torch.randn(batch, 2)
        with torch.no_grad():
            fake = generator(torch.randn(batch, latent))
        move_discriminator.zero_grad(set_to_none=True)
        discriminator_loss(real, fake, torch.rand(batch, 1) if weight else None).backward()
        move_discriminator.step()
        if clip:
            with torch.no_grad():
                torch._foreach_clamp_min_(judges, -clip)
                torch._foreach_clamp_max_(judges, clip)

    def update_generator() -> None:
        # Without this the discriminator's gradients would be computed, too.
        for parameter in judges:
            parameter.requires_grad_(False)
        move_generator.zero_grad(set_to_none=True)
        generator_loss(torch.randn(batch, latent)).backward()
        move_generator.step()
        for parameter in judges:
            parameter.requires_grad_(True)

    iterations = block(settings)

    def train() -> None:
        for _ in range(iterations):
            for _ in range(settings["schedule.discriminator_steps"]):
                update_discriminator()
            update_generator()

    return train, iterations


def jax_trainer(settings: Settings) -> Trainer:
    """Make a training in JAX: a scan over a block of iterations, compiled as a whole."""
    import jax
    import jax.numpy as jnp

    map_leaves, softplus = jax.tree_util.tree_map, jax.nn.softplus
    batch, latent = settings["schedule.batch"], settings["noise.dimension"]
    turns = settings["schedule.discriminator_steps"]
    modes, radius, std = settings["data.modes"], settings["data.radius"], settings["data.std"]
    wasserstein = settings["objective.kind"] == "wasserstein"
    clip = settings.get("discriminator.clip", 0.0)
    weight = settings["penalty.weight"] if settings.get("penalty.kind") == "gradient" else 0.0
    angles = jnp.arange(modes) * (2 * math.pi / modes)
    centres = radius * jnp.stack([jnp.cos(angles), jnp.sin(angles)], 1)

    def network(key: Any, inputs: int, hidden: list[int], outputs: int) -> list[Any]:
        layers: list[Any] = []
        for width in [*hidden, outputs]:
            key, first, second = jax.random.split(key, 3)
            bound = inputs**-0.5
            matrix = jax.random.uniform(first, (inputs, width), minval=-bound, maxval=bound)
            layers.append((matrix, jax.random.uniform(second, (width,), minval=-bound, maxval=bound)))
            inputs = width
        return layers

    def apply(layers: list[Any], x: Any) -> Any:
        for matrix, bias in layers[:-1]:
            x = jax.nn.relu(x @ matrix + bias)
        matrix, bias = layers[-1]
        return x @ matrix + bias

    def move(player: str, parameters: Any, slopes: Any, moments: Any, count: Any) -> Any:
        get = {
            name: settings.get(f"optimizer.{player}.{name}") for name in ("learning_rate", "beta1", "beta2", "decay")
        }
        rate, b1, b2, decay = get.values()
        kind = settings[f"optimizer.{player}.kind"]
        if kind == "sgd":
            return map_leaves(lambda p, g: p - rate * g, parameters, slopes), moments
        first, second = moments
        if kind == "rmsprop":
            second = map_leaves(lambda v, g: decay * v + (1 - decay) * g * g, second, slopes)
            moved = map_leaves(lambda p, g, v: p - rate * g / (jnp.sqrt(v) + 1e-8), parameters, slopes, second)
            return moved, (first, second)
        if kind != "adam":
            raise NotImplementedError(kind)
        first = map_leaves(lambda m, g: b1 * m + (1 - b1) * g, first, slopes)
        second = map_leaves(lambda v, g: b2 * v + (1 - b2) * g * g, second, slopes)
        size, shrink = rate / (1 - b1**count), 1 / (1 - b2**count)
        moved = map_leaves(lambda p, m, v: p - size * m / (jnp.sqrt(v * shrink) + 1e-8), parameters, first, second)
        return moved, (first, second)

    def discriminator_loss(discriminator: Any, real: Any, fake: Any, mix: Any) -> Any:
        on_real, on_fake = apply(discriminator, real), apply(discriminator, fake)
        loss = on_fake.mean() - on_real.mean() if wasserstein else softplus(-on_real).mean() + softplus(on_fake).mean()
        if weight:
            slope = jax.grad(lambda h: apply(discriminator, h).sum())(mix * real + (1 - mix) * fake)
            loss = loss + weight * ((jnp.sqrt((slope * slope).sum(1)) - 1) ** 2).mean()
        return loss

    def generator_loss(generator: Any, discriminator: Any, noise: Any) -> Any:
        outputs = apply(discriminator, apply(generator, noise))
        return -outputs.mean() if wasserstein else softplus(-outputs).mean()

    def iterate(state: Any, _: Any) -> Any:
        generator, discriminator, g_moments, d_moments, key, count = state
        for turn in range(turns):
            key, *keys = jax.random.split(key, 6)
            real = centres[jax.random.randint(keys[0], (batch,), 0, modes)]
            real = real + std * jax.random.normal(keys[1], (batch, 2))
            fake = apply(generator, jax.random.normal(keys[2], (batch, latent)))
            mix = jax.random.uniform(keys[3], (batch, 1))
            slopes = jax.grad(discriminator_loss)(discriminator, real, fake, mix)
            discriminator, d_moments = move("discriminator", discriminator, slopes, d_moments, count * turns + turn + 1)
            if clip:
                discriminator = map_leaves(lambda p: jnp.clip(p, -clip, clip), discriminator)
        key, own = jax.random.split(key)
        slopes = jax.grad(generator_loss)(generator, discriminator, jax.random.normal(own, (batch, latent)))
        generator, g_moments = move("generator", generator, slopes, g_moments, count + 1)
        return (generator, discriminator, g_moments, d_moments, key, count + 1), None

    def moments(parameters: Any) -> Any:
        return map_leaves(jnp.zeros_like, parameters), map_leaves(jnp.zeros_like, parameters)

    first, second, key = jax.random.split(jax.random.PRNGKey(0), 3)
    generator = network(first, latent, settings["generator.hidden"], 2)
    discriminator = network(second, 2, settings["discriminator.hidden"], 1)
    state = (generator, discriminator, moments(generator), moments(discriminator), key, jnp.float32(0))
    iterations = block(settings)
    scan = jax.jit(lambda before: jax.lax.scan(iterate, before, None, length=iterations)[0])

    def train() -> None:
        nonlocal state
        state = jax.block_until_ready(scan(state))

    return train, iterations


def main() -> None:
    """Serve as the peer that is named: jax, torch, or torch.compile."""
    peer = sys.argv[1]
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    if peer == "jax":
        import jax

        serve(lambda settings: timed(jax_trainer, settings), f"JAX {jax.__version__}")
    else:
        import torch

        compiled = peer == "torch.compile"
        name = "torch.compile" if compiled else "PyTorch"
        version = f"{name} {torch.__version__}"
        serve(lambda settings: timed(lambda given: torch_trainer(given, compiled), settings), version)


if __name__ == "__main__":
    main()
