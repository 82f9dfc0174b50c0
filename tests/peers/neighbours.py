"""Exact k nearest neighbours beside scikit-learn and faiss: microseconds per query, index build included."""

import argparse
import csv
import pathlib
import tempfile

import faiss
import numpy as np
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

import rounds

# Rows, columns, queries, k, and the ratio to the faster peer that we promise not to exceed.
GAUSSIAN = [
    (50_000, 10, 4_000, 10, 1.0),
    (50_000, 10, 10_000, 20, 1.0),
    (50_000, 30, 4_000, 10, 1.0),
    (50_000, 30, 10_000, 20, 1.0),
    (50_000, 80, 4_000, 10, 1.3),
    (50_000, 100, 4_000, 10, 1.3),
    (50_000, 100, 10_000, 20, 1.3),
]
ADULT_QUERIES, ADULT_K, ADULT_LIMIT = 4_000, 10, 1.3

# A peer that is this much slower than the fastest one on a few queries is not measured further.
HOPELESS = 10
TRIAL_QUERIES = 400


def gaussian(rows, columns, queries):
    generator = np.random.default_rng(20_250_814)
    return generator.normal(size=(rows, columns)), generator.normal(size=(queries, columns))


def adult(path):
    """One column for each category, numbers to mean 0 and deviation 1; reference: the training rows."""
    with open(path, newline="") as file:
        table = list(csv.DictReader(file))
    columns = []
    for name in table[0]:
        if name in ("income", "split"):
            continue
        values = np.array([row[name] for row in table])
        try:
            numbers = values.astype(float)
            columns.append((numbers - numbers.mean()) / numbers.std())
        except ValueError:
            columns.extend((values == category).astype(float) for category in np.unique(values))
    encoded = np.column_stack(columns)
    training = np.array([row["split"] == "train" for row in table])
    return encoded[training], encoded[~training][:ADULT_QUERIES]


def peers(reference, queries, k):
    """Name -> callable that builds the index, answers every query and returns the rows found."""

    def scikit(algorithm):
        index = NearestNeighbors(n_neighbors=k, algorithm=algorithm, n_jobs=1).fit(reference)
        return index.kneighbors(queries, return_distance=True)[1]

    def flat():
        index = faiss.IndexFlatL2(reference.shape[1])
        index.add(reference.astype(np.float32))
        return index.search(queries.astype(np.float32), k)[1]

    names = {f"scikit-learn {algorithm}": algorithm for algorithm in ("brute", "kd_tree", "auto")}
    return {name: lambda algorithm=algorithm: scikit(algorithm) for name, algorithm in names.items()} | {
        "faiss IndexFlatL2": flat
    }


def promising(reference, queries, k):
    trial = {name: rounds.seconds(task) for name, task in peers(reference, queries[:TRIAL_QUERIES], k).items()}
    fastest = min(trial.values())
    chosen = {name: task for name, task in peers(reference, queries, k).items() if trial[name] <= HOPELESS * fastest}
    return chosen, sorted(set(trial) - set(chosen))


def squared_distances(reference, queries, found):
    """Of the rows found, from the differences, so that nothing cancels."""
    return np.stack([((reference[rows] - query) ** 2).sum(axis=1) for rows, query in zip(found, queries)])


def recall(reference, queries, found, nearest):
    """Share of the rows found that are as near as the k-th of `nearest`, ties counted as found."""
    limit = squared_distances(reference, queries, nearest).max(axis=1, keepdims=True)
    distinct = np.array([len(set(rows)) for rows in found]) == found.shape[1]
    return float(((squared_distances(reference, queries, found) <= limit + 1e-9) & distinct[:, None]).mean())


def measure(name, reference, queries, k, limit, folder):
    """One row of the table; stops the run if our rows are not the nearest."""
    name = f"{name}, {len(reference):,} x {reference.shape[1]}, {len(queries):,} queries, k = {k}"
    data, answer = folder / "data", folder / "answer"
    np.concatenate([reference.ravel(), queries.ravel()]).astype("<f8").tofile(data)
    chosen, hopeless = promising(reference, queries, k)
    if hopeless:
        print(f"{name}: not measured, as more than {HOPELESS} times slower: {', '.join(hopeless)}", flush=True)
    sizes = (len(reference), len(queries), reference.shape[1])
    ours = rounds.Ours("neighbours", [data, *sizes, k, answer])
    taken = rounds.medians(ours, chosen)
    ours.close()

    answers = np.fromfile(answer, dtype="<f8").reshape(len(queries), k, 2)
    found = answers[:, :, 0].astype(int)
    recalled = recall(reference, queries, found, peers(reference, queries, k)["scikit-learn brute"]())
    reported = np.abs(answers[:, :, 1] - squared_distances(reference, queries, found)).max()
    if recalled < 1 or reported > 1e-8:
        raise SystemExit(f"{name}: recall {recalled}, squared distances off by {reported}")

    cost = {side: seconds / len(queries) * 1e6 for side, seconds in taken.items()}
    ratio = cost["ours"] / min(cost[side] for side in chosen)
    return [
        name,
        f"{cost['ours']:.1f}",
        *(f"{cost[side]:.1f}" if side in cost else "-" for side in peers(reference, queries, k)),
        f"{ratio:.2f}",
        f"{limit}",
        "yes" if ratio <= limit else "NO",
        f"{recalled:.5f}",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, help="folder that holds adult/adult.csv")
    arguments = parser.parse_args()
    path = arguments.data / "adult" / "adult.csv" if arguments.data else None

    faiss.omp_set_num_threads(1)
    rounds.build("neighbours")
    rows = []
    with threadpool_limits(1), tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for size, columns, queries, k, limit in GAUSSIAN:
            reference, wanted = gaussian(size, columns, queries)
            rows.append(measure("gaussian", reference, wanted, k, limit, folder))
        if path and path.is_file():
            reference, wanted = adult(path)
            rows.append(measure("Adult", reference, wanted, ADULT_K, ADULT_LIMIT, folder))
        else:
            print(f"Adult is skipped: {path or 'no --data DIR given'}{' not found' if path else ''}")
    names = list(peers(np.zeros((1, 1)), np.zeros((1, 1)), 1))
    print(f"\nMicroseconds per query, one thread, median of {rounds.ROUNDS} rounds in turn:\n")
    rounds.table(["data", "ours", *names, "ours / faster peer", "limit", "kept", "recall"], rows)


if __name__ == "__main__":
    main()
