"""What changes with the step, and penalties that variants offer, by name: a variant, its options, those of training."""

from __future__ import annotations

from typing import Any

Case = tuple[str, dict[str, Any], dict[str, Any]]

WARM_UP = {"schedule": {"warmup": 3, "decay": "cosine", "start": 4, "steps": 4, "final": 0.1}}
MOVING: dict[str, Case] = {
    "accumulation": ("vanilla", {}, {"accumulate": 3}),
    "accumulated statistics": ("dcgan", {}, {"accumulate": 2}),
    "accumulated penalties": ("wgan-gp", {"n_critic": 2}, {"accumulate": 2}),
    "learning rate": ("dcgan", {"d_optimizer": WARM_UP, "g_optimizer": WARM_UP}, {}),
    "learning rate of RMSprop": ("dcgan", {"d_optimizer": {"name": "rmsprop", **WARM_UP}}, {}),
    "learning rate times the game's scale": ("began", {"g_optimizer": WARM_UP, "lr_patience": 2}, {}),
    "penalty weight": ("wgan-gp", {"n_critic": 2, "penalty_schedule": {"decay": "linear", "steps": 6}}, {}),
    "slope at real images": ("dcgan", {"r1": 1.0}, {}),
    "slope at real images in bfloat16": ("vanilla", {"r1": 1.0}, {"precision": "bf16"}),
    "clipping": ("vanilla", {"d_optimizer": {"max_grad_norm": 0.1}, "g_optimizer": {"max_grad_norm": 0.1}}, {}),
    "average": ("vanilla", {}, {"ema": 0.5}),
    "no average": ("vanilla", {}, {"ema": 0.0}),
    "noise that fades": ("vanilla", {"instance_noise": 0.5, "instance_noise_steps": 5}, {}),
    "momentum": ("vanilla", {"d_optimizer": {"name": "sgd", "momentum": 0.9, "lr": 0.01}}, {"precision": "bf16"}),
}
