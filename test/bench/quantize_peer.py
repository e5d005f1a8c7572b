"""The same nodes of the same graph quantized by onnxruntime.quantization, for `plumbline bench quantize --peer`.

Reads one JSON document from standard input: model (folded float graph), input (its frame input), nodes, images (paths),
method (minmax, entropy, percentile), reduceRange, out. Writes the model to out and prints one document: version, seconds.
Methods other than minmax keep every activation of every image in memory there.
"""
import contextlib
import json
import sys
import time

import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from PIL import Image


class Images(CalibrationDataReader):
    def __init__(self, name, paths):
        self.name, self.paths = name, iter(paths)

    def get_next(self):
        path = next(self.paths, None)
        return None if path is None else {self.name: np.asarray(Image.open(path).convert("RGB"))[None]}


def main():
    job = json.load(sys.stdin)
    methods = {"minmax": CalibrationMethod.MinMax, "entropy": CalibrationMethod.Entropy, "percentile": CalibrationMethod.Percentile}
    started = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        quantize_static(
            job["model"],
            job["out"],
            Images(job["input"], job["images"]),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=job["reduceRange"],
            nodes_to_quantize=job["nodes"],
            calibrate_method=methods[job["method"]],
        )
    print(json.dumps({"version": f"onnxruntime {onnxruntime.__version__}", "seconds": time.perf_counter() - started}))


main()
