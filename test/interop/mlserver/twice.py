"""A model for MLServer: twice its input. `mlserver start` finds it by model-settings.json beside it."""

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor


class Twice(MLModel):
    async def load(self) -> bool:
        self.inputs = [MetadataTensor(name="x", datatype="FP32", shape=[-1, 4])]
        self.outputs = [MetadataTensor(name="y", datatype="FP32", shape=[-1, 4])]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        x = NumpyCodec.decode_input(payload.inputs[0])
        return InferenceResponse(
            model_name=self.name, id=payload.id, outputs=[NumpyCodec.encode_output("y", x * 2)]
        )
