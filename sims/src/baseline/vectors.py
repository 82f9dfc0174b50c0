"""Writes vectors.json: what AIF360 and fairlearn make of small data sets.

In a virtual environment:
pip install aif360==0.6.1 fairlearn==0.15.0 scikit-learn==1.9.1 numpy==2.4.6 pandas==3.1.1 && python sims/src/baseline/vectors.py
"""

import json
import pathlib
import warnings

import numpy as np
import pandas as pd
from aif360.algorithms.postprocessing import CalibratedEqOddsPostprocessing, EqOddsPostprocessing
from aif360.algorithms.preprocessing import Reweighing
from aif360.datasets import BinaryLabelDataset
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore")

MINORITY, MAJORITY = [{"group": 1.0}], [{"group": 0.0}]


def draws(seed):
    """Whole numbers below a bound, from a linear congruential generator."""
    state = seed * 7_654_321

    def draw(below):
        nonlocal state
        state = (state * 1_103_515_245 + 12_345) % 2**31
        return (state >> 8) % below

    return draw


def table(seed, rows=120):
    """Two numbers, group, label and a score for each row; the minority is served worse."""
    draw = draws(seed)
    lines = []
    for _ in range(rows):
        group = int(draw(10) < 4)
        x0, x1 = draw(100) / 10, draw(100) / 10
        label = int(x0 + x1 / 2 - 2 * group + draw(60) / 10 > 9)
        score = min(max((x0 + x1 / 2 - 2 * group + draw(40) / 10) / 16, 0.02), 0.98)
        lines.append((x0, x1, group, label, round(score, 4)))
    return pd.DataFrame(lines, columns=["x0", "x1", "group", "label", "score"])


def aif(frame, labels=None, scores=None):
    data = BinaryLabelDataset(
        df=frame[["x0", "x1", "group", "label"]].astype(float),
        label_names=["label"],
        protected_attribute_names=["group"],
    )
    if labels is not None:
        data.labels = np.asarray(labels, dtype=float).reshape(-1, 1)
    if scores is not None:
        data.scores = np.asarray(scores, dtype=float).reshape(-1, 1)
    return data


def reweighing(seed):
    frame = table(seed)
    weights = Reweighing(unprivileged_groups=MINORITY, privileged_groups=MAJORITY).fit_transform(aif(frame))
    return {
        "group": frame.group.tolist(),
        "label": frame.label.tolist(),
        "weight": weights.instance_weights.tolist(),
    }


def calibrated(seed, cost):
    frame = table(seed)
    method = CalibratedEqOddsPostprocessing(
        unprivileged_groups=MINORITY, privileged_groups=MAJORITY, cost_constraint=cost, seed=0
    )
    predicted = aif(frame, labels=frame.score >= 0.5, scores=frame.score)
    method.fit(aif(frame), predicted)
    return {
        "cost": cost,
        "group": frame.group.tolist(),
        "label": frame.label.tolist(),
        "score": frame.score.tolist(),
        "majority_mix_rate": float(method.priv_mix_rate),
        "minority_mix_rate": float(method.unpriv_mix_rate),
        "majority_base_rate": float(method.base_rate_priv),
        "minority_base_rate": float(method.base_rate_unpriv),
    }


class Given(ClassifierMixin, BaseEstimator):
    """A finished classifier that repeats the decisions it is given."""

    classes_ = np.array([0, 1])
    fitted_ = True

    def fit(self, *_):
        return self

    def predict(self, x):
        return np.asarray(x)[:, 0]


def equalized_odds(seed):
    frame = table(seed, 400)
    decisions = (frame.score >= 0.5).astype(int)
    method = EqOddsPostprocessing(unprivileged_groups=MINORITY, privileged_groups=MAJORITY, seed=0)
    method.fit(aif(frame), aif(frame, labels=decisions))
    yes0, no0, yes1, no1 = method.model_params.x
    counts = np.zeros((2, 2, 2))
    for a, y, h in zip(frame.group, frame.label, decisions):
        counts[a, y, h] += 1

    x = decisions.to_numpy().reshape(-1, 1)
    optimiser = ThresholdOptimizer(
        estimator=Given(), constraints="equalized_odds", objective="accuracy_score",
        grid_size=10_001, prefit=True, predict_method="predict",
    )
    optimiser.fit(x, frame.label, sensitive_features=frame.group)
    chance = optimiser._pmf_predict(x, sensitive_features=frame.group)[:, 1]
    error = float(np.mean(np.where(frame.label == 1, 1 - chance, chance)))
    return {
        "counts": counts.tolist(),
        "aif360_chances": [[no0, yes0], [no1, yes1]],
        "aif360_cost": float(method.model_params.fun),
        "fairlearn_error": error,
    }


def scaled(frame, columns):
    values = frame[columns].to_numpy(dtype=float)
    return (values - values.mean(axis=0)) / values.std(axis=0)


def reductions(seed, constraint, slack, linear_program):
    """Logistic regression of penalty 1 on z-scored columns, as our firm's."""
    frame = table(seed, 300)
    columns = ["x0", "x1", "group"]
    x = scaled(frame, columns)
    moment = {"equalized-odds": EqualizedOdds, "parity": DemographicParity}[constraint]
    method = ExponentiatedGradient(
        LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000),
        moment(difference_bound=slack),
        eps=slack,
        max_iter=50 if linear_program else 12,
        nu=1e-6,
        run_linprog_step=linear_program,
    )
    method.fit(x, frame.label, sensitive_features=frame.group)
    chance = method._pmf_predict(x)[:, 1]
    weights = method.weights_.sort_index()
    return {
        "constraint": constraint,
        "slack": slack,
        "linear_program": linear_program,
        "x0": frame.x0.tolist(),
        "x1": frame.x1.tolist(),
        "group": frame.group.tolist(),
        "label": frame.label.tolist(),
        "chance": chance.tolist(),
        "weights": weights[weights > 0].tolist(),
        "gap": float(method.best_gap_),
        "error": float(np.mean(np.where(frame.label == 1, 1 - chance, chance))),
    }


vectors = {
    "reweighing": [reweighing(seed) for seed in (1, 2, 3)],
    "calibrated": [calibrated(seed, cost) for seed in (1, 2, 3) for cost in ("fnr", "fpr", "weighted")],
    "equalized_odds": [equalized_odds(seed) for seed in (1, 2, 3, 4, 5, 6)],
    "reductions": [
        reductions(seed, constraint, slack, linear_program)
        for seed in (1, 2)
        for constraint in ("equalized-odds", "parity")
        for slack, linear_program in ((0.05, False), (0.05, True), (0.01, True))
    ],
}

path = pathlib.Path(__file__).with_suffix(".json")
path.write_text("{\n" + ",\n".join(
    json.dumps(name) + ": [\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]"
    for name, cases in vectors.items()
) + "\n}\n")
