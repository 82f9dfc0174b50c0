"""A whole sweep on Adult beside the same sweep by scikit-learn: seconds on two cores, data loaded before."""

import argparse
import csv
import functools
import json
import multiprocessing
import os
import pathlib
import tempfile
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

import rounds

# Our seconds over the peer's, and the differences in means and objectives, that we promise not to exceed.
RATIO_LIMIT, MEAN_LIMIT, OBJECTIVE_LIMIT = 1 / 3, 0.002, 1e-6
CORES, ROUNDS = 2, 3
SEEDS, ALPHA, K, TEST_SHARE = 5, 0.3, 20, 0.3
METHODS = ["rb-prob", "rb-label", "rb-dist", "random"]
FLIPS = [50, *range(100, 1001, 100), 1200]
EXPERIMENT = f"""
name = "peers"
dataset = "adult"
seeds = {SEEDS}
methods = {json.dumps(METHODS)}
alphas = [{ALPHA}]
flips = {FLIPS}
k = {K}
encoding = "z"
group_visible = true
firms = [{{ learner = "logistic", penalty = 1.0 }}]
"""
NUMBERS = ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
LEVELS = ["workclass", "marital-status", "occupation", "relationship", "race", "native-country"]
# Numbers of the published orders, as in protocol/src/order.rs.
SPLIT, COLLECTIVE, RANDOM_SCORE, TIES = 1, 2, 3, 4


def adult(path):
    """One 0/1 column for each level, the group last; then who is of the minority, and who is positive."""
    with open(path, newline="") as file:
        table = list(csv.DictReader(file))
    column = lambda name: np.array([row[name] for row in table])
    encoded = [column(name).astype(float) for name in NUMBERS]
    for name in LEVELS:
        values = column(name)
        encoded.extend((values == level).astype(float) for level in np.unique(values))
    minority = column("sex") == "Female"
    return np.column_stack([*encoded, minority.astype(float)]), minority, column("income") == ">50K"


def splitmix64(x):
    with np.errstate(over="ignore"):
        z = x + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def keys(seed, purpose, rows):
    return splitmix64(splitmix64(np.uint64(seed << 8 | purpose)) ^ rows.astype(np.uint64))


def order(seed, purpose, rows):
    return rows[np.lexsort((rows, keys(seed, purpose, rows)))]


def scale(learnt, *others):
    mean, deviation = learnt.mean(axis=0), learnt.std(axis=0)
    deviation[deviation == 0] = 1
    return [(records - mean) / deviation for records in others]


class Scene:
    """One seed's rows."""

    def __init__(self, data, seed):
        self.seed, (records, self.minority, self.positive) = seed, data
        shuffled = order(seed, SPLIT, np.arange(len(records)))
        test, train = np.split(shuffled, [int(TEST_SHARE * len(records))])
        self.test, self.train = np.sort(test), np.sort(train)
        self.seen, self.seen_test = scale(records[self.train], records[self.train], records[self.test])
        joining = order(seed, COLLECTIVE, self.train[self.minority[self.train]])
        members = joining[: int(ALPHA * len(joining) + 0.5)]
        self.candidates = members[~self.positive[members]]

    def scores(self, method):
        if method == "random":
            return keys(self.seed, RANDOM_SCORE, self.candidates).astype(float)
        # The scores do not see the group, which is the last column.
        majority = ~self.minority[self.train]
        reference, labels = self.seen[majority, :-1], self.positive[self.train][majority]
        queries = self.seen[np.searchsorted(self.train, self.candidates), :-1]
        if method == "rb-prob":
            return logistic(reference, labels).predict_proba(queries)[:, 1]
        if method == "rb-label":
            return labels[nearest(reference, queries)[1]].sum(axis=1).astype(float)
        return -nearest(reference[labels], queries)[0].mean(axis=1)

    def ranking(self, method):
        rows = self.candidates
        return rows[np.lexsort((rows, keys(self.seed, TIES, rows), -self.scores(method)))]

    def labels(self, flipped):
        labels = self.positive[self.train].copy()
        labels[np.searchsorted(self.train, flipped)] = True
        return labels

    def measures(self, flipped):
        """Error and equalized odds violation on the test rows."""
        decisions = logistic(self.seen, self.labels(flipped)).predict(self.seen_test)
        minority, positive = self.minority[self.test], self.positive[self.test]
        rate = lambda group, label: decisions[(minority == group) & (positive == label)].mean()
        gaps = [abs(rate(False, label) - rate(True, label)) for label in (True, False)]
        return (decisions != positive).mean(), sum(gaps) / 2


def logistic(records, labels, tolerance=1e-8):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LogisticRegression(solver="newton-cholesky", tol=tolerance, C=1.0).fit(records, labels)


def nearest(reference, queries):
    return NearestNeighbors(n_neighbors=K, algorithm="brute", n_jobs=1).fit(reference).kneighbors(queries)


class Peer:
    """The sweep by scikit-learn: one process for each core, new ones for each round."""

    name = "scikit-learn, newton-cholesky and brute"
    data, limits = None, None

    def __init__(self, data):
        Peer.data = data

    @staticmethod
    def start():
        Peer.limits = threadpool_limits(1)

    @staticmethod
    @functools.cache
    def scene(seed):
        return Scene(Peer.data, seed)

    @staticmethod
    def rank(cell):
        seed, method = cell
        return Peer.scene(seed).ranking(method)

    @staticmethod
    def play(cell):
        seed, flipped = cell
        return Peer.scene(seed).measures(flipped)

    def sweep(self):
        with multiprocessing.get_context("fork").Pool(CORES, Peer.start) as pool:
            ranked = [(seed, method) for seed in range(SEEDS) for method in METHODS]
            rankings = pool.map(Peer.rank, ranked, chunksize=1)
            cells = [(seed, "none", 0, np.array([], dtype=int)) for seed in range(SEEDS)]
            for (seed, method), ranking in zip(ranked, rankings):
                cells.extend((seed, method, flips, ranking[:flips]) for flips in FLIPS)
            played = pool.map(Peer.play, [(seed, flipped) for seed, _, _, flipped in cells], chunksize=1)
        self.cells = {cell[:3]: measures for cell, measures in zip(cells, played)}


def objective(model, records, labels):
    margins = records @ model.coef_[0] + model.intercept_[0]
    return np.logaddexp(0, np.where(labels, -margins, margins)).sum() + 0.5 * (model.coef_**2).sum()


def compare_means(records, cells):
    """Whether error and EqOd agree on average over the cells."""
    ours = {(r["seed"], r["method"], int(r["asked"])): (r["error"], r["eqod"]) for r in records}
    if ours.keys() != cells.keys():
        raise SystemExit("the two sides did not play the same cells")
    pairs = np.array([[ours[cell], cells[cell]] for cell in sorted(cells)])
    means, apart = pairs.mean(axis=0), np.abs(pairs[:, 0] - pairs[:, 1]).max(axis=0)
    rows, kept = [], True
    for i, name in enumerate(["error", "EqOd"]):
        difference = means[0, i] - means[1, i]
        good = abs(difference) <= MEAN_LIMIT
        kept &= bool(good)
        numbers = (f"{means[0, i]:.6f}", f"{means[1, i]:.6f}", f"{difference:+.1e}", f"{apart[i]:.1e}")
        rows.append([name, *numbers, MEAN_LIMIT, "yes" if good else "NO"])
    print(f"\nMeans over {len(pairs)} cells:\n")
    rounds.table(["mean", "ours", "peer's", "difference", "greatest in a cell", "limit", "kept"], rows)
    return kept


def compare_objectives(answers, data):
    """Whether both sides' fits of seed 0 end at the optimum."""
    scene, rows, kept = Scene(data, 0), [], True
    for answer in answers:
        labels = scene.labels(np.array(answer["flipped"], dtype=int))
        fitted = lambda *tolerance: objective(logistic(scene.seen, labels, *tolerance), scene.seen, labels)
        ours, peers, optimum = answer["objective"], fitted(), fitted(1e-12)
        good = max(abs(ours - optimum), abs(peers - optimum)) <= OBJECTIVE_LIMIT
        kept &= bool(good)
        differences = (f"{d:+.1e}" for d in (ours - optimum, peers - optimum, ours - peers))
        rows.append([answer["cell"], f"{optimum:.6f}", *differences, OBJECTIVE_LIMIT, "yes" if good else "NO"])
    print("\nObjectives of seed 0, sum of log-losses + |w|^2 / 2; the optimum is a fit with tol = 1e-12:\n")
    header = ["cell", "optimum", "ours - optimum", "peer's - optimum", "ours - peer's", "limit", "kept"]
    rounds.table(header, rows)
    return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder that holds adult/adult.csv")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each side is measured")
    arguments = parser.parse_args()
    folder, rounds.ROUNDS = arguments.data.resolve(), arguments.rounds
    data = adult(folder / "adult" / "adult.csv")
    peer = Peer(data)

    os.environ["RAYON_NUM_THREADS"] = str(CORES)
    rounds.build("sweep")
    with tempfile.TemporaryDirectory() as scratch:
        experiment, answer = pathlib.Path(scratch, "experiment.toml"), pathlib.Path(scratch, "answer")
        experiment.write_text(EXPERIMENT)
        ours = rounds.Ours("sweep", [folder, experiment, answer])
        taken = rounds.medians(ours, {peer.name: peer.sweep})
        ours.close()
        answers = json.loads(answer.read_text())

    ratio = taken["ours"] / taken[peer.name]
    kept = ratio <= RATIO_LIMIT
    cells = f"{len(METHODS)} methods x {len(FLIPS)} budgets x {SEEDS} seeds"
    print(f"\nAdult, {cells}; seconds per sweep, {CORES} cores, median of {rounds.ROUNDS} rounds:\n")
    rounds.table(
        ["peer", "ours", "peer's", "ours / peer's", "limit", "kept"],
        [[peer.name, f"{taken['ours']:.2f}", f"{taken[peer.name]:.2f}", f"{ratio:.3f}", "1/3", "yes" if kept else "NO"]],
    )
    kept &= compare_means(answers["records"], peer.cells)
    kept &= compare_objectives(answers["objectives"], data)
    if not kept:
        raise SystemExit("a promise is not kept")


if __name__ == "__main__":
    main()
