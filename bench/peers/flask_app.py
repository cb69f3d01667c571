"""What people write first: one route, one model, one row or many. Served by gunicorn."""

import os

import joblib
import numpy as np
from flask import Flask, jsonify, request

forest = joblib.load(os.environ["PEERS_MODEL"])
app = Flask(__name__)


@app.post("/predict")
def predict():
    rows = np.asarray(request.get_json()["rows"], dtype=np.float32)
    # One pass through the trees: the label is the likeliest class, which is what predict() does, too.
    probabilities = forest.predict_proba(rows)
    labels = forest.classes_[probabilities.argmax(axis=1)]
    return jsonify(label=labels.tolist(), probabilities=probabilities.tolist())
