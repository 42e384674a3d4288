"""Models as JAX programs: a perceptron, a convolutional net, a transformer block and
a recurrent net, each with its gradient. Each is written
once over `cast`, so that the same program runs in float32 (`cast` does nothing)
and cast by hand, as a person does it: operands of products in 16 bits, softmax,
normalisation, loss and sums in float32.
"""

import jax
import jax.numpy as jnp
import numpy as np


def layer_norm(x, scale, offset):
    mean = x.mean(-1, keepdims=True)
    centred = x - mean
    variance = (centred * centred).mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + 1e-5) * scale + offset


def cross_entropy(logits, labels):
    return -jnp.mean(jnp.sum(jax.nn.log_softmax(logits) * labels, -1))


def mlp(cast, wide):
    def loss(params, x, labels):
        h = cast(x)
        for w, b in params[:-1]:
            h = jax.nn.relu(h @ cast(w) + cast(b))
        w, b = params[-1]
        return cross_entropy(wide(h @ cast(w) + cast(b)), labels)

    return jax.value_and_grad(loss)


def mlp_data(rng):
    sizes = (48, 64, 64, 10)
    params = [(rng.normal(0, (2 / a) ** 0.5, (a, b)), rng.normal(0, 0.1, (b,)))
              for a, b in zip(sizes, sizes[1:])]
    return params, rng.normal(0, 1, (32, 48)), np.eye(10)[rng.integers(0, 10, 32)]


def convolve(x, w, stride=1):
    return jax.lax.conv_general_dilated(x, w, (stride, stride), "SAME",
                                        dimension_numbers=("NHWC", "HWIO", "NHWC"))


def max_pool(x):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def conv(cast, wide):
    def loss(params, x, labels):
        (k1, b1), (k2, b2), (w, b) = params
        h = jax.nn.relu(convolve(cast(x), cast(k1)) + cast(b1))
        h = max_pool(h)
        h = jax.nn.relu(convolve(h, cast(k2), 2) + cast(b2))
        h = h.reshape(h.shape[0], -1)
        return cross_entropy(wide(h @ cast(w) + cast(b)), labels)

    return jax.value_and_grad(loss)


def conv_data(rng):
    params = [(rng.normal(0, (2 / 27) ** 0.5, (3, 3, 3, 16)), rng.normal(0, 0.1, (16,))),
              (rng.normal(0, (2 / 144) ** 0.5, (3, 3, 16, 24)), rng.normal(0, 0.1, (24,))),
              (rng.normal(0, (1 / 384) ** 0.5, (384, 10)), rng.normal(0, 0.1, (10,)))]
    return params, rng.normal(0, 1, (8, 16, 16, 3)), np.eye(10)[rng.integers(0, 10, 8)]


HEADS, WIDTH, LENGTH = 4, 32, 16


def transformer(cast, wide):
    def loss(params, x, labels):
        (scale1, offset1, qkv, out), (scale2, offset2, up, down) = params
        batch = x.shape[0]
        h = cast(layer_norm(x, scale1, offset1))
        q, k, v = jnp.split((h @ cast(qkv)).reshape(batch, LENGTH, 3, HEADS, WIDTH // HEADS), 3, 2)
        q, k, v = (t[:, :, 0].transpose(0, 2, 1, 3) for t in (q, k, v))
        scores = q @ k.transpose(0, 1, 3, 2) * (HEADS / WIDTH) ** 0.5
        mask = jnp.tril(jnp.ones((LENGTH, LENGTH), bool))
        weights = cast(jax.nn.softmax(jnp.where(mask, wide(scores), -1e9)))
        mixed = (weights @ v).transpose(0, 2, 1, 3).reshape(batch, LENGTH, WIDTH)
        x = x + wide(mixed @ cast(out))
        h = cast(layer_norm(x, scale2, offset2))
        x = x + wide(jax.nn.gelu(h @ cast(up)) @ cast(down))
        return jnp.mean((x - labels) ** 2)

    return jax.value_and_grad(loss)


def transformer_data(rng):
    def product(a, b):
        return rng.normal(0, (1 / a) ** 0.5, (a, b))

    def norm():
        return rng.normal(1, 0.1, (WIDTH,)), rng.normal(0, 0.1, (WIDTH,))

    params = [(*norm(), product(WIDTH, 3 * WIDTH), product(WIDTH, WIDTH)),
              (*norm(), product(WIDTH, 4 * WIDTH), product(4 * WIDTH, WIDTH))]
    return params, rng.normal(0, 1, (4, LENGTH, WIDTH)), rng.normal(0, 1, (4, LENGTH, WIDTH))


def recurrent(cast, wide):
    """A loop of StableHLO forward and one backward, which carries the state."""
    def loss(params, x, labels):
        w, u, b, out = params

        def step(h, at):
            h = jnp.tanh(at @ cast(w) + h @ cast(u) + cast(b))
            return h, h

        _, states = jax.lax.scan(step, cast(jnp.zeros((x.shape[1], u.shape[0]), x.dtype)), cast(x))
        return cross_entropy(wide(states[-1] @ cast(out)), labels)

    return jax.value_and_grad(loss)


def recurrent_data(rng):
    params = [rng.normal(0, (1 / 12) ** 0.5, (12, 32)), rng.normal(0, (0.5 / 32) ** 0.5, (32, 32)),
              rng.normal(0, 0.1, (32,)), rng.normal(0, (1 / 32) ** 0.5, (32, 10))]
    return params, rng.normal(0, 1, (9, 16, 12)), np.eye(10)[rng.integers(0, 10, 16)]


MODELS = {"mlp": (mlp, mlp_data), "conv": (conv, conv_data), "transformer": (transformer, transformer_data),
          "recurrent": (recurrent, recurrent_data)}


def data(name, seed):
    return jax.tree.map(lambda a: np.asarray(a, np.float32), MODELS[name][1](np.random.default_rng(seed)))


def same(x):
    return x


def program(name, dtype=None):
    """The model's function: in float32, or cast by hand to `dtype`."""
    if dtype is None:
        return MODELS[name][0](same, same)
    return MODELS[name][0](lambda x: x.astype(dtype), lambda x: x.astype(jnp.float32))


def lower(name):
    """The float32 program as StableHLO in generic form."""
    lowered = jax.jit(program(name)).lower(*data(name, 0))
    return lowered.compiler_ir("stablehlo").operation.get_asm(print_generic_op_form=True)
