"""Writes the ONNX single-operator conformance vectors as a model repository: `python vectors.py <folder> [<data/node>]`.

Sources: the generators in the PyPI package `onnx`, and, where a second folder is given, vectors as older releases shipped them
(`test_*/model.onnx` and `test_data_set_0/*.pb`). Each becomes `models/<name>/1/model.onnx`; its tensors lie one after
the other in `tensors.bin`, as raw contents look on the wire, and `vectors.json` says which are where. A vector whose
values are no plain tensors (sequences, optionals, maps, datatypes of less than a byte) is listed with why.
"""

import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy
import onnx
from onnx import numpy_helper

DATATYPES = {
    "bool": "BOOL",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
}


class NotPlain(Exception):
    """The vector's values are no tensors that an Open Inference Protocol client could send or read."""


def raw(name: str, value) -> tuple[dict, bytes]:
    """A tensor's description and bytes."""
    if isinstance(value, onnx.TensorProto):
        value = numpy_helper.to_array(value)
    if not isinstance(value, (numpy.ndarray, numpy.generic)):
        raise NotPlain(f"'{name}' is a {type(value).__name__}")
    array = numpy.asarray(value)
    if array.dtype.kind in "OUS":
        elements = [item if isinstance(item, bytes) else str(item).encode() for item in array.flatten()]
        data = b"".join(len(item).to_bytes(4, "little") + item for item in elements)
        datatype = "BYTES"
    elif array.dtype.name in DATATYPES:
        datatype, data = DATATYPES[array.dtype.name], numpy.ascontiguousarray(array).tobytes()
    else:
        raise NotPlain(f"'{name}' has the datatype {array.dtype.name}")
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "bytes": len(data)}, data


class Writer:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.vectors: list[dict] = []
        self.tensors = open(folder / "tensors.bin", "wb")
        self.taken: set[str] = set()

    def add(self, source: str, name: str, model: onnx.ModelProto, inputs, outputs, rtol: float, atol: float) -> None:
        """`inputs` and `outputs` are lists of values, None where one cannot be read, in the order of the graph's."""
        directory = name if name not in self.taken else f"{source}_{name}"
        self.taken.add(directory)
        weights = {tensor.name for tensor in model.graph.initializer}
        asked = [value.name for value in model.graph.input if len(inputs) == len(model.graph.input) or value.name not in weights]
        vector = {"source": source, "name": name, "model": directory, "rtol": rtol, "atol": atol, "at": self.tensors.tell()}
        try:
            if len(inputs) > len(asked):
                raise NotPlain("it has more values than inputs")
            pairs = [raw(*pair) for pair in zip(asked, inputs)]
            wanted = [raw(*pair) for pair in zip([value.name for value in model.graph.output], outputs)]
        except NotPlain as reason:
            self.vectors.append({**vector, "notPlain": str(reason), "inputs": [], "outputs": []})
            return
        path = self.folder / "models" / directory / "1" / "model.onnx"
        path.parent.mkdir(parents=True)
        path.write_bytes(model.SerializeToString())
        for _, data in pairs + wanted:
            self.tensors.write(data)
        described = {"inputs": [tensor for tensor, _ in pairs], "outputs": [tensor for tensor, _ in wanted]}
        self.vectors.append({**vector, **described})

    def close(self) -> None:
        self.tensors.close()
        (self.folder / "vectors.json").write_text(json.dumps(self.vectors))


def generated(writer: Writer) -> None:
    from onnx.backend.test.case.node import collect_testcases

    for case in collect_testcases(""):
        inputs, outputs = case.data_sets[0]
        writer.add("generated", case.name, case.model, inputs, outputs, case.rtol, case.atol)


def stored(writer: Writer, folder: Path) -> None:
    for path in sorted(folder.glob("test_*")):
        model = onnx.load(path / "model.onnx")
        inputs, outputs = (
            [load(path / "test_data_set_0" / f"{kind}_{i}.pb", values[i]) for i in range(count(path, kind))]
            for kind, values in (("input", model.graph.input), ("output", model.graph.output))
        )
        writer.add("stored", path.name, model, inputs, outputs, 1e-3, 1e-7)


def count(path: Path, kind: str) -> int:
    return len(list((path / "test_data_set_0").glob(f"{kind}_*.pb")))


def load(path: Path, value: onnx.ValueInfoProto):
    """A tensor's values; the kind's name for what is none."""
    kind = value.type.WhichOneof("value")
    return numpy_helper.to_array(onnx.load_tensor(path)) if kind == "tensor_type" else kind


def main() -> None:
    warnings.filterwarnings("ignore")
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "models").mkdir(parents=True)
    writer = Writer(folder)
    generated(writer)
    if len(sys.argv) > 2:
        stored(writer, Path(sys.argv[2]))
    writer.close()
    print(f"{len(writer.vectors)} vectors")


if __name__ == "__main__":
    main()
