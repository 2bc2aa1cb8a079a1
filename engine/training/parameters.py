"""The options of training a LENS network, under LENS's own names."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import model_validator

from engine.networks.lens import feature_count
from engine.parameters import Parameters, parameter


class LensTrainingParameters(Parameters):
    """How a LENS network learns its places; the defaults are LENS's own."""

    feature_multiplier: float = parameter(2.0, "Feature neurons for each input pixel.", gt=0, le=64)
    epoch_feat: int = parameter(
        128, "Passes over all places in which the feature layer learns.", unit="epochs", ge=1, le=1_000_000
    )
    epoch_out: int = parameter(128, "Passes over all places in which the output layer learns.", unit="epochs", ge=1, le=1_000_000)
    thr_l_feat: float = parameter(0.0, "Lower end of the feature layer's initial thresholds.", ge=0, le=10)
    thr_h_feat: float = parameter(0.75, "Upper end of the feature layer's initial thresholds.", ge=0, le=10)
    fire_l_feat: float = parameter(0.4, "Lower end of the feature layer's target firing rates.", ge=0, le=1)
    fire_h_feat: float = parameter(0.6, "Upper end of the feature layer's target firing rates.", gt=0, le=1)
    ip_rate_feat: float = parameter(0.02, "Learning rate of the feature layer's thresholds.", ge=0, le=1)
    stdp_rate_feat: float = parameter(0.01, "Learning rate of the feature layer's weights (STDP).", ge=0, le=1)
    thr_l_out: float = parameter(0.0, "Lower end of the output layer's initial thresholds.", ge=0, le=10)
    thr_h_out: float = parameter(0.5, "Upper end of the output layer's initial thresholds.", ge=0, le=10)
    fire_l_out: float = parameter(0.5, "Lower end of the output layer's target firing rates.", ge=0, le=1)
    fire_h_out: float = parameter(0.5, "Upper end of the output layer's target firing rates.", gt=0, le=1)
    ip_rate_out: float = parameter(0.02, "Learning rate of the output layer's thresholds.", ge=0, le=1)
    stdp_rate_out: float = parameter(0.01, "Learning rate of the output layer's weights (STDP).", ge=0, le=1)
    f_exc: float = parameter(0.35, "Share of a feature neuron's inputs that have an excitatory weight.", ge=0, le=1)
    f_inh: float = parameter(0.75, "Share of a feature neuron's inputs that have an inhibitory weight.", ge=0, le=1)
    o_exc: float = parameter(1.0, "Share of an output neuron's inputs that have an excitatory weight.", ge=0, le=1)
    o_inh: float = parameter(1.0, "Share of an output neuron's inputs that have an inhibitory weight.", ge=0, le=1)
    seed: int = parameter(
        0, "Seed of the initial weights and of the order of places; the same seed gives the same network.", ge=0, le=2**63 - 1
    )
    threshold_rule: Literal["published", "corrected"] = parameter(
        "published",
        "How thresholds learn: corrected, each follows its neuron's own output at the given rate; published, as in LENS's code, "
        "they only fall to 0.",
    )

    join_windows: Literal["inputs", "columns"] = parameter(
        "inputs",
        "How several windows come together: inputs, they stand side by side before one network; columns, each has a network of "
        "its own, and their similarity columns are added up.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("thr_{}_feat", "fire_{}_feat", "thr_{}_out", "fire_{}_out"):
            low, high = name.format("l"), name.format("h")
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} ({getattr(self, low)}) must not be above {high} ({getattr(self, high)})")
        if self.f_exc == 0 or self.o_exc == 0:
            raise ValueError("f_exc and o_exc must be above 0: a neuron with no excitatory weight never answers")
        return self

    def networks(self, windows: int) -> int:
        """How many networks learn a number of windows."""
        return windows if self.join_windows == "columns" else 1

    def features(self, inputs: int, windows: int) -> int:
        """How many feature neurons these networks have together, for the inputs of all windows."""
        return feature_count(inputs, self.feature_multiplier, self.networks(windows))


PRESETS: Mapping[str, LensTrainingParameters] = {
    "LENS": LensTrainingParameters(),
    "Brisbane": LensTrainingParameters(feature_multiplier=1.3, epoch_feat=64),
    "indoor": LensTrainingParameters(f_exc=0.1, f_inh=0.5),
}
"""Training options of LENS's published experiments; pixel selection and time bin of the same names belong to other steps."""
