"""TensorFlow Serving's own Python client, with TensorFlow's tensors, against every RPC of its two services."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from harness import contains, equal, run_steps, step
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)
from tensorflow_serving.config import model_server_config_pb2

MODELS = sys.argv[2]
FLOWERS = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]], dtype=np.float32)
IDENTITIES = {
    "bool": np.array([[True, False]]),
    "int8": np.array([[-128, 127]], dtype=np.int8),
    "uint8": np.array([[0, 255]], dtype=np.uint8),
    "int16": np.array([[-32768, 32767]], dtype=np.int16),
    "uint16": np.array([[0, 65535]], dtype=np.uint16),
    "int32": np.array([[-(2**31), 2**31 - 1]], dtype=np.int32),
    "uint32": np.array([[0, 2**32 - 1]], dtype=np.uint32),
    "int64": np.array([[-(2**63), 2**63 - 1]], dtype=np.int64),
    "uint64": np.array([[0, 2**64 - 1]], dtype=np.uint64),
    "fp16": np.array([[-0.0, 65504]], dtype=np.float16),
    "fp32": np.array([[np.nan, 1e-45]], dtype=np.float32),
    "fp64": np.array([[np.inf, 5e-324]], dtype=np.float64),
}
TIMEOUT = 10


def prediction(address):
    return prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(address))


def models(address):
    return model_service_pb2_grpc.ModelServiceStub(grpc.insecure_channel(address))


def predict_request(name, inputs, outputs=(), **spec):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    for key, value in spec.items():
        if key == "version":
            request.model_spec.version.value = value
        else:
            setattr(request.model_spec, key, value)
    for key, value in inputs.items():
        tensor = value if isinstance(value, tf.make_tensor_proto(0).__class__) else tf.make_tensor_proto(value)
        request.inputs[key].CopyFrom(tensor)
    request.output_filter.extend(outputs)
    return request


def predict(address, *args, **kwargs):
    answer = prediction(address).Predict(predict_request(*args, **kwargs), TIMEOUT)
    return {key: tf.make_ndarray(value) for key, value in answer.outputs.items()}, answer


def refused(code, *parts, of):
    try:
        of()
    except grpc.RpcError as error:
        equal(error.code(), code, error.details())
        contains(error.details(), *parts)
    else:
        raise AssertionError(f"{code} was due")


def single(address, name):
    """The name of the only input, as GetModelMetadata tells it."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = name
    answer = prediction(address).GetModelMetadata(request, TIMEOUT)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    equal(answer.metadata["signature_def"].Unpack(signatures), True, "the packed signatures")
    return signatures.signature_def["serving_default"], answer


@step
def arrays(address):
    """Predict: numpy arrays as tensor_content, typed values, and both answer the same; the version is told"""
    outputs, answer = predict(address, "iris", {"X": FLOWERS})
    typed = tf.make_tensor_proto(0.0, shape=[2, 4])
    del typed.float_val[:]
    typed.float_val.extend(FLOWERS.flatten().tolist())
    again, _ = predict(address, "iris", {"X": typed})
    for key, value in outputs.items():
        equal(again[key].tolist(), value.tolist(), key)
    equal(outputs["label"].tolist(), [0, 2], "labels")
    equal(outputs["probabilities"].shape, (2, 3), "probabilities")
    equal(answer.model_spec.version.value > 0, True, "a version")
    equal(answer.model_spec.signature_name, "serving_default", "signature")


@step
def datatypes(address):
    """Predict: every datatype comes back as it went"""
    for name, value in IDENTITIES.items():
        signature, _ = single(address, f"identity_{name}")
        (key,) = signature.inputs
        shape = [dim.size for dim in signature.inputs[key].tensor_shape.dim]
        row = np.resize(value, [1] + [dim if dim > 0 else 2 for dim in shape[1:]])
        outputs, _ = predict(address, f"identity_{name}", {key: row})
        (back,) = outputs.values()
        equal(back.dtype, row.dtype, name)
        equal(back.tobytes(), row.tobytes(), name)


@step
def one_value_for_all(address):
    """Predict: one value for a whole shape, as tf.make_tensor_proto writes constants"""
    ones = tf.make_tensor_proto(1, dtype=tf.int32, shape=[1, 16])
    equal(len(ones.int_val), 1, "values on the wire")
    twos = np.full([1, 16], 2, dtype=np.int32)
    outputs, _ = predict(address, "simple", {"INPUT0": ones, "INPUT1": twos})
    equal(outputs["OUTPUT0"].tolist(), [[3] * 16], "sums")
    equal(outputs["OUTPUT1"].tolist(), [[-1] * 16], "differences")


@step
def texts(address):
    """Predict: texts, any bytes of them"""
    texts = np.array([[str(n).encode() for n in range(16)]], dtype=object)
    outputs, _ = predict(address, "simple_string", {"INPUT0": texts, "INPUT1": texts})
    equal(outputs["OUTPUT0"].tolist(), [[str(2 * n).encode() for n in range(16)]], "sums as texts")


@step
def filters(address):
    """Predict: output_filter, and a future"""
    rows = np.ones([1, 16], dtype=np.int32)
    request = predict_request("simple", {"INPUT0": rows, "INPUT1": rows}, ["OUTPUT1"])
    answer = prediction(address).Predict.future(request, TIMEOUT).result()
    equal(list(answer.outputs), ["OUTPUT1"], "outputs")
    unknown = predict_request("simple", {"INPUT0": rows, "INPUT1": rows}, ["OUTPUT9"])
    text = "output tensor alias not found in signature: OUTPUT9 Outputs expected to be in the set {OUTPUT0,OUTPUT1}."
    refused(grpc.StatusCode.INVALID_ARGUMENT, text, of=lambda: prediction(address).Predict(unknown, TIMEOUT))


@step
def metadata(address):
    """GetModelMetadata: a SignatureDef with datatypes and shapes"""
    signature, answer = single(address, "iris")
    equal(signature.method_name, "tensorflow/serving/predict", "method")
    info = signature.inputs["X"]
    equal((info.dtype, [dim.size for dim in info.tensor_shape.dim]), (tf.float32.as_datatype_enum, [-1, 4]), "X")
    equal(sorted(signature.outputs), ["label", "probabilities"], "outputs")
    equal(answer.model_spec.name, "iris", "name")


def example(**features):
    floats = {
        key: tf.train.Feature(float_list=tf.train.FloatList(value=value)) for key, value in features.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=floats))


@step
def classify(address):
    """Classify: tf.train.Examples; the scores are Predict's"""
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "iris"
    request.input.example_list.examples.extend([example(X=row) for row in FLOWERS.tolist()])
    answer = prediction(address).Classify(request, TIMEOUT)
    outputs, _ = predict(address, "iris", {"X": FLOWERS})
    scores = [[one.score for one in row.classes] for row in answer.result.classifications]
    equal(np.array(scores, dtype=np.float32).tolist(), outputs["probabilities"].tolist(), "scores")
    equal([one.label for one in answer.result.classifications[0].classes], ["0", "1", "2"], "labels")
    request.input.example_list.examples.append(tf.train.Example())
    text = "Name: <unknown>, Feature: X (data type: float) is required but could not be found."
    refused(grpc.StatusCode.INVALID_ARGUMENT, text, of=lambda: prediction(address).Classify(request, TIMEOUT))


@step
def regress(address):
    """Regress: a value for each row"""
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = "identity_column"
    request.input.example_list.examples.extend([example(X=[1.5]), example(X=[-2])])
    answer = prediction(address).Regress(request, TIMEOUT)
    equal([one.value for one in answer.result.regressions], [1.5, -2], "values")


@step
def multi_inference(address):
    """MultiInference: one run, a result for each task"""
    request = inference_pb2.MultiInferenceRequest()
    task = request.tasks.add(method_name="tensorflow/serving/classify")
    task.model_spec.name = "iris"
    request.input.example_list.examples.extend([example(X=FLOWERS[0].tolist())])
    (result,) = prediction(address).MultiInference(request, TIMEOUT).results
    equal(len(result.classification_result.classifications), 1, "rows")
    equal(result.model_spec.signature_name, "serving_default", "signature")
    request.tasks[0].method_name = "tensorflow/serving/predict"
    text = "Unsupported signature method_name: tensorflow/serving/predict"
    refused(grpc.StatusCode.UNIMPLEMENTED, text, of=lambda: prediction(address).MultiInference(request, TIMEOUT))


@step
def status(address):
    """GetModelStatus: the versions and their states"""
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "iris"
    (version,) = models(address).GetModelStatus(request, TIMEOUT).model_version_status
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    equal((version.state, version.status.error_code), (available, 0), "state")
    request.model_spec.name = "nobody"
    text = "Could not find any versions of model nobody"
    refused(grpc.StatusCode.NOT_FOUND, text, of=lambda: models(address).GetModelStatus(request, TIMEOUT))


@step
def errors(address):
    """codes and texts that clients of TensorFlow Serving look for"""
    bad, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
    ask = lambda *args, **spec: lambda: predict(address, *args, **spec)
    refused(bad, "ModelSpec has no name specified.", of=ask("", {}))
    refused(missing, "Servable not found for request: Latest(nobody)", of=ask("nobody", {}))
    refused(missing, "Servable not found for request: Specific(iris, 77)", of=ask("iris", {}, version=77))
    refused(bad, "Unrecognized servable version label: x", of=ask("iris", {}, version_label="x"))
    refused(
        grpc.StatusCode.FAILED_PRECONDITION,
        'Serving signature key "other" not found.',
        of=ask("iris", {"X": FLOWERS}, signature_name="other"),
    )
    refused(bad, "input size does not match signature: 0!=1 len({}) != len({X}).", of=ask("iris", {}))


@step
def reload(address):
    """HandleReloadConfigRequest: another list in one step, with a label; a bad one changes nothing"""
    text = """model_config_list { config {
        name: "sums" base_path: "%s/simple" model_platform: "tensorflow"
        version_labels { key: "stable" value: 1 } version_labels { key: "canary" value: %d } } }"""
    rows = np.ones([1, 16], dtype=np.int32)
    ask = lambda name, **spec: predict(address, name, {"INPUT0": rows, "INPUT1": rows}, **spec)

    def send(canary):
        config = text_format.Parse(text % (MODELS, canary), model_server_config_pb2.ModelServerConfig())
        request = model_management_pb2.ReloadConfigRequest(config=config)
        return models(address).HandleReloadConfigRequest(request, TIMEOUT)

    why = "Request to assign label to version 9 of model sums, which is not currently available for inference"
    refused(grpc.StatusCode.FAILED_PRECONDITION, why, of=lambda: send(9))
    ask("simple")
    equal(send(1).status.error_code, 0, "status")
    outputs, answer = ask("sums", version_label="canary")
    equal(outputs["OUTPUT0"].tolist(), [[2] * 16], "sums")
    equal(answer.model_spec.version.value, 1, "version")
    refused(grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(simple)", of=lambda: ask("simple"))


if __name__ == "__main__":
    run_steps()
