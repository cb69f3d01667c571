"""Runs the 150 flowers of the iris data set through a Sluice server and compares the answers with scikit-learn's.

    python3 -m venv /tmp/sluice-venv && /tmp/sluice-venv/bin/pip install -r requirements.txt
    /tmp/sluice-venv/bin/python client.py --address localhost:8001

The client is NVIDIA's `tritonclient`, unchanged: Sluice speaks the same protocol. Exit code 0: every answer agrees.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import tritonclient.grpc as triton

PREDICTIONS = Path(__file__).resolve().parent.parent / "iris" / "predictions.json"
TOLERANCE = 1e-5


def predict(client: triton.InferenceServerClient, rows: np.ndarray, version: str):
    """Returns the labels, the probabilities and the version that answered."""
    x = triton.InferInput("X", list(rows.shape), "FP32")
    x.set_data_from_numpy(rows)
    # client_timeout, in seconds, becomes the call's deadline: the server does no work for it once it has passed.
    answer = client.infer("iris", [x], model_version=version, client_timeout=10)
    return answer.as_numpy("label"), answer.as_numpy("probabilities"), answer.get_response().model_version


def agrees(what: str, reference: dict, labels: np.ndarray, probabilities: np.ndarray) -> bool:
    wrong_labels = int(np.sum(labels != np.array(reference["label"])))
    furthest = float(np.max(np.abs(probabilities - np.array(reference["probabilities"]))))
    good = wrong_labels == 0 and furthest <= TOLERANCE
    verdict = "agrees with scikit-learn" if good else "DIFFERS from scikit-learn"
    print(f"{what}: {verdict} ({wrong_labels} labels differ, largest difference of a probability {furthest:.1e})")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="localhost:8001", help="host:port of the server (default: %(default)s)")
    parser.add_argument("--model-version", default="", help="1 or 2; the server chooses when it is left out")
    arguments = parser.parse_args()

    expected = json.loads(PREDICTIONS.read_text())
    rows = np.array(expected["rows"], dtype=np.float32)
    with triton.InferenceServerClient(arguments.address) as client:
        labels, probabilities, version = predict(client, rows, arguments.model_version)
        together = agrees(f"version {version}, {len(rows)} rows in one request", expected[version], labels, probabilities)

        answers = [predict(client, row[np.newaxis, :], version) for row in rows]
        labels = np.concatenate([answer[0] for answer in answers])
        probabilities = np.concatenate([answer[1] for answer in answers])
        alone = agrees(f"version {version}, {len(rows)} rows one by one", expected[version], labels, probabilities)
    return 0 if together and alone else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except triton.InferenceServerException as error:
        # status() is the gRPC code, message() what the server has to say about it.
        sys.exit(f"{error.status()}: {error.message()}")
