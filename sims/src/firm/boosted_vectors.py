"""Writes boosted_vectors.csv: a small data set and XGBoost's probabilities for it.

In a virtual environment: pip install xgboost==3.2.0 numpy && python sims/src/firm/boosted_vectors.py
"""

import csv
import pathlib

import numpy as np
import xgboost

ROWS, LEVELS = 200, 4


def table():
    """Rows of three numbers, a level and a label, from a linear congruential generator."""
    state = 12_345

    def draw(below):
        nonlocal state
        state = (state * 1_103_515_245 + 12_345) % 2**31
        return (state >> 8) % below

    for _ in range(ROWS):
        age, hours, gain, level = draw(60), draw(25), draw(90), draw(LEVELS)
        logit = (age - 30) / 15 + (2 if level == 1 and hours > 10 else -1) + (gain > 70)
        yield age, hours / 4, gain, level, int(logit + draw(100) / 25 - 2 > 0)


rows = list(table())
encoded = np.array([[*numbers, *(level == k for k in range(LEVELS))] for *numbers, level, _ in rows], dtype=float)
labels = [row[-1] for row in rows]
weights = [(i * 7 % 11 + 1) / 4 for i in range(ROWS)]
settings = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.1, "tree_method": "hist", "nthread": 1}


def probabilities(weight=None):
    data = xgboost.DMatrix(encoded, labels, weight=weight)
    return xgboost.train(settings, data, num_boost_round=50).predict(data)


plain, weighted = probabilities(), probabilities(weights)

with open(pathlib.Path(__file__).with_suffix(".csv"), "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["age", "hours", "gain", "level", "label", "probability", "weight", "weighted"])
    columns = zip(rows, plain, weights, weighted)
    writer.writerows([*row, f"{p:.9g}", w, f"{q:.9g}"] for row, p, w, q in columns)
