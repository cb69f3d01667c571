"""Trains the iris example and exports it to ONNX.

    python3 -m venv /tmp/sluice-venv && /tmp/sluice-venv/bin/pip install -r requirements.txt
    /tmp/sluice-venv/bin/python train.py      # writes 1/model.onnx, 2/model.onnx, predictions.json
    /tmp/sluice-venv/bin/python train.py --fixtures ../../test/fixtures

The committed files are the output of this script with the pinned requirements. The models are small and the
seed is fixed, so a second run gives the same predictions.
"""

import argparse
import json
import textwrap
from pathlib import Path

import numpy as np
from onnx.helper import make_opsetid
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType

HERE = Path(__file__).resolve().parent
SEED = 20
# An operator set and a file format that every onnxruntime of the last years can load.
OPSET = {"": 17, "ai.onnx.ml": 3}
TREES = {"1": 100, "2": 50}


def train(trees: int, features: np.ndarray, classes: np.ndarray) -> RandomForestClassifier:
    # max_leaf_nodes keeps the trees from learning each flower by heart: more distinct probabilities, a smaller file.
    forest = RandomForestClassifier(n_estimators=trees, max_leaf_nodes=6, random_state=SEED)
    return forest.fit(features, classes)


def export(forest: RandomForestClassifier, path: Path, zipmap: bool) -> None:
    """zipmap=True is skl2onnx's own default: the probabilities leave as a sequence of maps instead of a tensor."""
    model = to_onnx(
        forest,
        initial_types=[("X", FloatTensorType([None, 4]))],
        options={id(forest): {"zipmap": zipmap}},
        target_opset=OPSET,
    )
    if not zipmap:
        assert [output.name for output in model.graph.output] == ["label", "probabilities"]
    # skl2onnx may list a domain twice, which the ONNX checker of other tools refuses.
    domains = {entry.domain: entry.version for entry in model.opset_import}
    del model.opset_import[:]
    model.opset_import.extend(make_opsetid(domain, version) for domain, version in domains.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())


def predictions(forest: RandomForestClassifier, features: np.ndarray) -> dict:
    """What scikit-learn itself answers: the reference that a served model is compared with."""
    return {
        "label": forest.predict(features).tolist(),
        "probabilities": forest.predict_proba(features).tolist(),
    }


def lay_out(value, indent: str = "") -> str:
    """JSON with one row of a matrix a line and long lists wrapped: a diff of it can be read."""
    inner = indent + "  "
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(key)}: {lay_out(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], list):
        return "[\n" + ",\n".join(inner + json.dumps(row) for row in value) + f"\n{indent}]"
    if isinstance(value, list) and value and isinstance(value[0], str):
        return "[\n" + ",\n".join(inner + json.dumps(item) for item in value) + f"\n{indent}]"
    if isinstance(value, list):
        filled = textwrap.fill(json.dumps(value)[1:-1], 110, initial_indent=inner, subsequent_indent=inner)
        return f"[\n{filled}\n{indent}]"
    return json.dumps(value)


def write_json(path: Path, value: dict) -> None:
    path.write_text(lay_out(value) + "\n")


def as_float32(features: np.ndarray) -> np.ndarray:
    """The wire and the model have FP32: scikit-learn is asked about the very same numbers."""
    return features.astype(np.float32)


def make_example(rows: np.ndarray, classes: np.ndarray) -> None:
    document: dict = {"rows": rows.tolist()}
    for version, trees in TREES.items():
        forest = train(trees, as_float32(rows), classes)
        export(forest, HERE / version / "model.onnx", zipmap=False)
        document[version] = predictions(forest, as_float32(rows))
    write_json(HERE / "predictions.json", document)


def make_fixtures(folder: Path, rows: np.ndarray, classes: np.ndarray, names: np.ndarray) -> None:
    """The default export (ZipMap): of the same 100 trees, and of a small forest whose classes are strings."""
    variants = {
        "iris-zipmap": train(TREES["1"], as_float32(rows), classes),
        "iris-zipmap-names": train(10, as_float32(rows), names[classes]),
    }
    for name, forest in variants.items():
        export(forest, folder / name / "1" / "model.onnx", zipmap=True)
        write_json(folder / name / "predictions.json", {"rows": rows.tolist(), "1": predictions(forest, as_float32(rows))})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fixtures", type=Path, help="write the ZipMap variants used by the tests into this folder")
    arguments = parser.parse_args()
    iris = load_iris()
    if arguments.fixtures:
        make_fixtures(arguments.fixtures, iris.data, iris.target, iris.target_names.astype(object))
    else:
        make_example(iris.data, iris.target)


if __name__ == "__main__":
    main()
