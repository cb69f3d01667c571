import { choice } from './setting.js';

/** What holds for clients of TensorFlow Serving. */
export const TENSORFLOW_SETTINGS = {
  answerTensors: choice(['typed', 'content'], {
    default: 'typed',
    why: 'How Predict answers tensors: `typed` in the list of their datatype (`float_val`), as TensorFlow Serving does; `content` as bytes (`tensor_content`), which cost less on both sides and which `tf.make_ndarray` reads as well.',
  }),
};
