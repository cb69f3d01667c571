"""Makes the small ONNX models that the interop tests serve: `python models.py <folder>`.

`simple`, `simple_int8`, `simple_string` and `simple_identity` have the signatures of Triton's example models of these names, which
the examples of its clients expect. `identity_<datatype>` returns what it is given, one model per datatype.
"""

import shutil
import sys
from pathlib import Path

from onnx import TensorProto, checker, helper

# An operator set and a file format that every onnxruntime of the last years can load.
OPSET = 17
IR_VERSION = 8
SLOW_TURNS = 100_000

IDENTITIES = {
    "identity_fp32": TensorProto.FLOAT,
    "identity_fp64": TensorProto.DOUBLE,
    "identity_fp16": TensorProto.FLOAT16,
    "identity_int8": TensorProto.INT8,
    "identity_int16": TensorProto.INT16,
    "identity_int32": TensorProto.INT32,
    "identity_int64": TensorProto.INT64,
    "identity_uint8": TensorProto.UINT8,
    "identity_uint16": TensorProto.UINT16,
    "identity_uint32": TensorProto.UINT32,
    "identity_uint64": TensorProto.UINT64,
    "identity_bool": TensorProto.BOOL,
    "simple_identity": TensorProto.STRING,
}


def save(folder: Path, name: str, nodes, inputs, outputs) -> None:
    graph = helper.make_graph(nodes, name, inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    checker.check_model(model)
    path = folder / name / "1" / "model.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(model.SerializeToString())


def sum_and_difference(folder: Path) -> None:
    """OUTPUT0 = INPUT0 + INPUT1, OUTPUT1 = INPUT0 - INPUT1 over INT32 [batch, 16]."""
    shape = ["batch", 16]
    save(
        folder,
        "simple",
        [
            helper.make_node("Add", ["INPUT0", "INPUT1"], ["OUTPUT0"]),
            helper.make_node("Sub", ["INPUT0", "INPUT1"], ["OUTPUT1"]),
        ],
        [helper.make_tensor_value_info(name, TensorProto.INT32, shape) for name in ("INPUT0", "INPUT1")],
        [helper.make_tensor_value_info(name, TensorProto.INT32, shape) for name in ("OUTPUT0", "OUTPUT1")],
    )


def sum_and_difference_of_int8(folder: Path) -> None:
    """The same over INT8, which the runtime adds as INT32."""
    shape = ["batch", 16]
    save(
        folder,
        "simple_int8",
        [
            helper.make_node("Cast", ["INPUT0"], ["a"], to=TensorProto.INT32),
            helper.make_node("Cast", ["INPUT1"], ["b"], to=TensorProto.INT32),
            helper.make_node("Add", ["a", "b"], ["sum"]),
            helper.make_node("Sub", ["a", "b"], ["difference"]),
            helper.make_node("Cast", ["sum"], ["OUTPUT0"], to=TensorProto.INT8),
            helper.make_node("Cast", ["difference"], ["OUTPUT1"], to=TensorProto.INT8),
        ],
        [helper.make_tensor_value_info(name, TensorProto.INT8, shape) for name in ("INPUT0", "INPUT1")],
        [helper.make_tensor_value_info(name, TensorProto.INT8, shape) for name in ("OUTPUT0", "OUTPUT1")],
    )


def sum_and_difference_of_strings(folder: Path) -> None:
    """The same over numbers written in decimal."""
    shape = ["batch", 16]
    save(
        folder,
        "simple_string",
        [
            helper.make_node("Cast", ["INPUT0"], ["a"], to=TensorProto.INT32),
            helper.make_node("Cast", ["INPUT1"], ["b"], to=TensorProto.INT32),
            helper.make_node("Add", ["a", "b"], ["sum"]),
            helper.make_node("Sub", ["a", "b"], ["difference"]),
            helper.make_node("Cast", ["sum"], ["OUTPUT0"], to=TensorProto.STRING),
            helper.make_node("Cast", ["difference"], ["OUTPUT1"], to=TensorProto.STRING),
        ],
        [helper.make_tensor_value_info(name, TensorProto.STRING, shape) for name in ("INPUT0", "INPUT1")],
        [helper.make_tensor_value_info(name, TensorProto.STRING, shape) for name in ("OUTPUT0", "OUTPUT1")],
    )


def identity(folder: Path, name: str, datatype: int) -> None:
    """Both dimensions are variable."""
    save(
        folder,
        name,
        [helper.make_node("Identity", ["INPUT0"], ["OUTPUT0"])],
        [helper.make_tensor_value_info("INPUT0", datatype, ["batch", "n"])],
        [helper.make_tensor_value_info("OUTPUT0", datatype, ["batch", "n"])],
    )


def slow(folder: Path) -> None:
    """Returns its input after a loop that takes some hundred milliseconds: for deadlines."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["still"]),
            helper.make_node("Sin", ["value"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, []),
        ],
    )
    save(
        folder,
        "slow",
        [
            helper.make_node("Constant", [], ["turns"], value_int=SLOW_TURNS),
            helper.make_node("Constant", [], ["start"], value_float=0.0),
            helper.make_node("Loop", ["turns", "", "start"], ["zero"], body=body),
            helper.make_node("Add", ["INPUT0", "zero"], ["OUTPUT0"]),
        ],
        [helper.make_tensor_value_info("INPUT0", TensorProto.FLOAT, ["batch", 1])],
        [helper.make_tensor_value_info("OUTPUT0", TensorProto.FLOAT, ["batch", 1])],
    )


def main() -> None:
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    sum_and_difference(folder)
    sum_and_difference_of_int8(folder)
    sum_and_difference_of_strings(folder)
    for name, datatype in IDENTITIES.items():
        identity(folder, name, datatype)
    slow(folder)
    print(f"{len(list(folder.iterdir()))} models")


if __name__ == "__main__":
    main()
