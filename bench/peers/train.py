"""Fits the forest of examples/iris/1, the same data and seed, and keeps it as scikit-learn has it.

    python train.py forest.joblib
"""

import sys

import joblib
import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

SEED = 20
TREES = 100


def main() -> None:
    iris = load_iris()
    forest = RandomForestClassifier(n_estimators=TREES, max_leaf_nodes=6, random_state=SEED)
    joblib.dump(forest.fit(iris.data.astype(np.float32), iris.target), sys.argv[1])


if __name__ == "__main__":
    main()
