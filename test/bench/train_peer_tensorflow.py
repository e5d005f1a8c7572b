"""The same detector, losses and optimizer in TensorFlow, for `plumbline bench train --peer`.

Reads one JSON document from standard input: config (a resolved train.yaml), gt (boxes and labels of each image), steps,
warmUp, threads, device, seed. Prints one: version, device, stepSeconds, loss. Covers kind decoupled and faster, basic
blocks, trained batch norm, fully connected heads; anything else is refused. The whole step is one tf.function, NHWC;
initial weights are drawn as PyTorch draws them.

Shapes: B images, A anchors of all levels, G ground-truth boxes (padded), N candidates, R rows of a batch.
"""
import json
import math
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf  # noqa: E402 - reads the variable above when it is loaded

STRIDES = (4, 8, 16, 32, 64)
RPN_STDS = (1.0, 1.0, 1.0, 1.0)
STAGE_STDS = ((0.1, 0.1, 0.2, 0.2), (0.05, 0.05, 0.1, 0.1), (0.033, 0.033, 0.067, 0.067), (0.025, 0.025, 0.05, 0.05))
MAX_LOG_SCALE = math.log(1000 / 16)
LOWEST = -1e30  # score of what fills up a level or an image
COVERED = {
    "model.kind": ("decoupled", "faster"),
    "model.conventions": ("mmdetection",),
    "model.classifiers": ("single",),
    "model.backbone.block": ("basic",),
    "model.backbone.norm": ("batch",),
    "model.backbone.frozenStages": (0,),
    "model.head.branch": ("fc",),
    "model.head.firstRegressor": ("classSpecific",),
    "model.head.aligned": (True,),
    "model.head.regressionRoiScale": (1,),
    "proposals.trainPostNmsRegression": (),
    "sampling.rpnAllowedBorder": (),
    "sampling.regression": ("positive",),
    "loss.profile": ("eq8",),
    "loss.lambda": (),
    "loss.stageWeights": (),
    "loss.regression": ("l1",),
    "loss.rpnRegression": ("l1",),
    "loss.heads": (1,),
}


def refuse_what_is_not_covered(config):
    for path, accepted in COVERED.items():
        value = config
        for key in path.split("."):
            value = (value or {}).get(key)
        if value is not None and value not in accepted:
            sys.exit(f"this peer does not cover {path} {value}; it has kind decoupled and faster with basic blocks, batch norm and fully connected heads")
    if config["model"]["head"]["samplingRatio"] < 1:
        sys.exit("this peer does not cover model.head.samplingRatio 0, adaptive sampling")


class Layers:
    """Makes layers and keeps their variables."""

    def __init__(self, seed):
        self.random = tf.random.Generator.from_seed(seed)
        self.variables = []

    def variable(self, shape, fan_in=None, value=0.0):
        bound = 1 / math.sqrt(fan_in) if fan_in else 0
        initial = self.random.uniform(shape, -bound, bound) if fan_in else tf.fill(shape, value)
        self.variables.append(tf.Variable(initial))
        return self.variables[-1]

    def conv(self, size, inputs, outputs, stride=1, bias=True):
        fan_in, pad = size * size * inputs, (size - 1) // 2
        weight = self.variable((size, size, inputs, outputs), fan_in)
        offset = self.variable((outputs,), fan_in) if bias else None
        padding = "SAME" if stride == 1 else [[0, 0], [pad, pad], [pad, pad], [0, 0]] if pad else "VALID"

        def run(x):
            y = tf.nn.conv2d(x, weight, stride, padding)
            return tf.nn.bias_add(y, offset) if bias else y

        return run

    def norm(self, channels):
        scale, offset = self.variable((channels,), value=1.0), self.variable((channels,))
        mean, variance = tf.Variable(tf.zeros(channels), trainable=False), tf.Variable(tf.ones(channels), trainable=False)

        def run(x):
            y, new_mean, new_variance = tf.compat.v1.nn.fused_batch_norm(
                x, scale, offset, mean, variance, epsilon=1e-5, is_training=True, exponential_avg_factor=0.1
            )
            mean.assign(new_mean)
            variance.assign(new_variance)
            return y

        return run

    def conv_norm(self, size, inputs, outputs, stride=1):
        conv, norm = self.conv(size, inputs, outputs, stride, bias=False), self.norm(outputs)
        return lambda x: norm(conv(x))

    def block(self, inputs, outputs, stride):
        first, second = self.conv_norm(3, inputs, outputs, stride), self.conv_norm(3, outputs, outputs)
        down = self.conv_norm(1, inputs, outputs, stride) if stride != 1 or inputs != outputs else None
        return lambda x: tf.nn.relu(second(tf.nn.relu(first(x))) + (down(x) if down else x))

    def dense(self, inputs, outputs):
        weight, bias = self.variable((inputs, outputs), inputs), self.variable((outputs,), inputs)
        return lambda x: tf.nn.bias_add(tf.matmul(x, weight), bias)

    def branch(self, inputs, hidden):
        first, second = self.dense(inputs, hidden), self.dense(hidden, hidden)
        return lambda x: tf.nn.relu(second(tf.nn.relu(first(x))))


class Detector:
    def __init__(self, config, classes, seed):
        model, layers = config["model"], Layers(seed)
        width, channels = model["backbone"]["width"], model["fpn"]["channels"]
        self.config, self.classes, self.ratios = config, classes, model["anchors"]["ratios"]
        self.stem = layers.conv_norm(7, 3, width, 2)
        self.stages, inputs = [], width
        for stage, count in enumerate(model["backbone"]["blocks"]):
            outputs, blocks = width * 2**stage, []
            for index in range(count):
                blocks.append(layers.block(inputs, outputs, 2 if stage > 0 and index == 0 else 1))
                inputs = outputs
            self.stages.append(blocks)
        self.lateral = [layers.conv(1, width * 2**i, channels) for i in range(4)]
        self.output = [layers.conv(3, channels, channels) for _ in range(4)]
        self.rpn = layers.conv(3, channels, channels)
        self.rpn_cls, self.rpn_reg = layers.conv(1, channels, len(self.ratios)), layers.conv(1, channels, 4 * len(self.ratios))
        head = model["head"]
        features, hidden = head["roiSize"] ** 2 * channels, head["fcChannels"]
        self.cls_branch, self.fc_cls = layers.branch(features, hidden), layers.dense(hidden, classes + 1)
        self.reg_branches, self.fc_regs = [], []
        for k in range(model["regressors"]):
            self.reg_branches.append(self.cls_branch if k == 0 and head["shared"] else layers.branch(features, hidden))
            self.fc_regs.append(layers.dense(hidden, 4 * classes if k == 0 else 4))
        self.variables = layers.variables

    def trunk(self, images):
        """P2..P6, and per level logits [B, a] and deltas [B, a, 4]."""
        x = tf.nn.max_pool2d(tf.nn.relu(self.stem(images)), 3, 2, [[0, 0], [1, 1], [1, 1], [0, 0]])
        merged = []
        for blocks, lateral in zip(self.stages, self.lateral):
            for block in blocks:
                x = block(x)
            merged.append(lateral(x))
        for i in (2, 1, 0):
            merged[i] += tf.image.resize(merged[i + 1], merged[i].shape[1:3], "nearest")
        p = [output(x) for output, x in zip(self.output, merged)]
        p.append(p[-1][:, ::2, ::2])
        logits, deltas = [], []
        for level in p:
            shared = tf.nn.relu(self.rpn(level))
            logits.append(tf.reshape(self.rpn_cls(shared), (images.shape[0], -1)))
            deltas.append(tf.reshape(self.rpn_reg(shared), (images.shape[0], -1, 4)))
        return p, logits, deltas

    def anchors(self, height, width):
        scale, levels = self.config["model"]["anchors"]["scale"], []
        for stride in STRIDES:
            h, w = math.ceil(height / stride), math.ceil(width / stride)
            sides = [(stride * scale / math.sqrt(r), stride * scale * math.sqrt(r)) for r in self.ratios]
            base = tf.constant([(-a / 2, -b / 2, a / 2, b / 2) for a, b in sides])
            y, x = tf.meshgrid(tf.range(h), tf.range(w), indexing="ij")
            shift = tf.cast(tf.reshape(tf.stack((x, y, x, y), -1), (-1, 1, 4)) * stride, tf.float32)
            levels.append(tf.reshape(shift + base, (-1, 4)))
        return levels

    def proposals(self, logits, deltas, anchors, size):
        """Sets at both thresholds, each boxes [B, N, 4] and how many of them there are [B]."""
        settings, batch = self.config["proposals"], logits[0].shape[0]
        boxes, scores = [], []
        for level_logits, level_deltas, level_anchors in zip(logits, deltas, anchors):
            count = min(settings["trainPreNms"], level_anchors.shape[0])
            score, index = tf.math.top_k(level_logits, count)
            fill = settings["trainPreNms"] - count
            box = decode(tf.gather(level_anchors, index), tf.gather(level_deltas, index, batch_dims=1), RPN_STDS, size)
            boxes.append(tf.pad(box, [[0, 0], [0, fill], [0, 0]]))
            scores.append(tf.pad(score, [[0, 0], [0, fill]], constant_values=LOWEST))
        boxes, scores = tf.stack(boxes, 2), tf.stack(scores, 2)

        def suppress(iou):
            post = settings["trainPostNms"]
            # A level is a class: suppressed for itself, merged by score, cut; all images and levels in one operation.
            kept = tf.image.combined_non_max_suppression(boxes, scores, post, post, iou, LOWEST / 2, clip_boxes=False)
            return tf.ensure_shape(kept[0], (batch, post, 4)), kept[3]

        first = suppress(settings["nmsClassification"])
        is_same = self.config["model"]["kind"] != "decoupled" or settings["nmsRegression"] == settings["nmsClassification"]
        return first, first if is_same else suppress(settings["nmsRegression"])

    def pool(self, atlas, boxes, image):
        """RoIAlign of boxes [R, 4] as a crop of all samples and their average: [R, roiSize^2 * channels]."""
        head, (canvas, corners) = self.config["model"]["head"], atlas
        samples = head["roiSize"] * head["samplingRatio"]
        x1, y1, x2, y2 = tf.unstack(boxes, axis=1)
        area = tf.maximum(x2 - x1, 0) * tf.maximum(y2 - y1, 0)
        level = tf.cast(tf.clip_by_value(tf.floor(tf.math.log(tf.sqrt(area) / 56 + 1e-6) / math.log(2)), 0, 3), tf.int32)
        cells = boxes / tf.gather(tf.constant(STRIDES[:4], tf.float32), level)[:, None] - 0.5
        start, end = tf.reverse(cells[:, :2], [1]), tf.reverse(cells[:, 2:], [1])
        half_step, corner = (end - start) / (2 * samples), tf.gather(corners, level)
        # A crop's 0 and 1 are the centres of the first and last cell of the canvas.
        extent = tf.constant([canvas.shape[1] - 1, canvas.shape[2] - 1], tf.float32)
        ends = tf.concat(((corner + start + half_step) / extent, (corner + end - half_step) / extent), 1)
        crops = tf.image.crop_and_resize(canvas, tf.stop_gradient(ends), image, (samples, samples))
        pooled = tf.nn.avg_pool2d(crops, head["samplingRatio"], head["samplingRatio"], "VALID")
        return tf.reshape(pooled, (-1, head["roiSize"] ** 2 * canvas.shape[3]))


def repeat_border(x):
    """[B, H, W, C] -> [B, H + 2, W + 2, C]: RoIAlign repeats the border for samples up to a cell outside."""
    return tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")


def make_atlas(p):
    """P2 with P3..P5 in a column beside it, so that a row of any level is a crop of one map; and the corner of each."""
    first, *others = [repeat_border(x) for x in p[:4]]
    width, corners, column, y = others[0].shape[2], [(1, 1)], [], 0
    for x in others:
        corners.append((y + 1, first.shape[2] + 1))
        column.append(tf.pad(x, [[0, 0], [0, 0], [0, width - x.shape[2]], [0, 0]]))
        y += x.shape[1]
    column = tf.concat(column, 1)
    height = max(y, first.shape[1])
    parts = [tf.pad(x, [[0, 0], [0, height - x.shape[1]], [0, 0], [0, 0]]) for x in (first, column)]
    return tf.concat(parts, 2), tf.constant(corners, tf.float32)


def decode(boxes, deltas, stds, size):
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    dx, dy, dw, dh = tf.unstack(deltas * tf.constant(stds), axis=-1)
    w, h = x2 - x1, y2 - y1
    x, y = (x1 + x2) / 2 + dx * w, (y1 + y2) / 2 + dy * h
    w, h = (side * tf.exp(tf.clip_by_value(d, -MAX_LOG_SCALE, MAX_LOG_SCALE)) / 2 for side, d in ((w, dw), (h, dh)))
    height, width = float(size[0]), float(size[1])
    return tf.clip_by_value(tf.stack((x - w, y - h, x + w, y + h), -1), 0.0, tf.constant((width, height, width, height)))


def encode(boxes, gt, stds):
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    gx1, gy1, gx2, gy2 = tf.unstack(gt, axis=-1)
    w, h = x2 - x1, y2 - y1
    dx, dy = (gx1 + gx2 - x1 - x2) / 2 / w, (gy1 + gy2 - y1 - y2) / 2 / h
    return tf.stack((dx, dy, tf.math.log((gx2 - gx1) / w), tf.math.log((gy2 - gy1) / h)), -1) / tf.constant(stds)


def overlaps(boxes, gt):
    """IoU of boxes [..., 1, 4] and gt [..., 4], broadcast; gt that fills up an image has area 0 and IoU 0."""
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    gx1, gy1, gx2, gy2 = tf.unstack(gt, axis=-1)
    w = tf.maximum(tf.minimum(x2, gx2) - tf.maximum(x1, gx1), 0)
    h = tf.maximum(tf.minimum(y2, gy2) - tf.maximum(y1, gy1), 0)
    both = w * h
    return tf.math.divide_no_nan(both, (x2 - x1) * (y2 - y1) + (gx2 - gx1) * (gy2 - gy1) - both)


def assign(boxes, gt, positive, negative, low_quality=None):
    """Index [B, N] of the ground truth of boxes [B or 1, N, 4]; -1 background, -2 ignored."""
    iou = overlaps(boxes[:, None], gt[:, :, None])
    best = tf.reduce_max(iou, 1)
    index = tf.where(best >= positive, tf.argmax(iou, 1, tf.int32), tf.where(best < negative, -1, -2))
    if low_quality is None:
        return index
    highest = tf.reduce_max(iou, 2, keepdims=True)
    tied = (iou == highest) & (highest >= low_quality)
    last = tf.reduce_max(tf.where(tied, tf.range(gt.shape[1])[:, None], -1), 1)
    return tf.where(last >= 0, last, index)


def sample(assigned, count, fraction, seed):
    """
    At most count * fraction positives, filled up with negatives: positions [B, count] and which of them are there
    and positive. Candidates are ranked by random numbers, so that all shapes are static.
    """
    count = min(count, assigned.shape[1])
    draw = tf.random.stateless_uniform(assigned.shape, seed)
    positive = tf.where(assigned >= 0, draw, -1)
    least = tf.math.top_k(positive, min(int(count * fraction), count)).values[:, -1:]
    rank = tf.where((assigned >= 0) & (draw >= least), draw + 1, tf.where(assigned == -1, draw, -1))
    rank, index = tf.math.top_k(rank, count)
    return index, rank >= 0, tf.gather(assigned, index, batch_dims=1) >= 0


def take(candidates, assigned, index, mask):
    """Rows of a batch from positions [B, n] where `mask` says so: boxes, image and ground truth of each."""
    image = tf.boolean_mask(tf.broadcast_to(tf.range(index.shape[0])[:, None], index.shape), mask)
    at = tf.stack((image, tf.boolean_mask(index, mask)), 1)
    return tf.gather_nd(candidates, at), image, tf.gather_nd(assigned, at)


def rpn_losses(net, logits, deltas, anchors, gt, seed):
    sampling, anchors = net.config["sampling"], tf.concat(anchors, 0)
    assigned = assign(anchors[None], gt, 0.7, 0.3, 0.3)
    index, is_there, is_positive = sample(assigned, sampling["rpnPerImage"], sampling["rpnPositiveFraction"], seed)
    at = index + tf.range(index.shape[0])[:, None] * anchors.shape[0]
    denominator = tf.constant(0.0)
    for kind in (is_positive, is_there & ~is_positive):
        denominator += tf.reduce_sum(tf.maximum(tf.reduce_sum(tf.cast(kind, tf.float32), 1), 1))
    labels = tf.cast(tf.boolean_mask(is_positive, is_there), tf.float32)
    picked = tf.gather(tf.reshape(tf.concat(logits, 1), (-1,)), tf.boolean_mask(at, is_there))
    objectness = tf.nn.sigmoid_cross_entropy_with_logits(labels, picked)
    priors, image, matched = take(tf.broadcast_to(anchors, (index.shape[0], *anchors.shape)), assigned, index, is_positive)
    predicted = tf.gather(tf.reshape(tf.concat(deltas, 1), (-1, 4)), tf.boolean_mask(at, is_positive))
    target = encode(priors, tf.gather_nd(gt, tf.stack((image, matched), 1)), RPN_STDS)
    return tf.reduce_sum(objectness) / denominator, tf.reduce_sum(tf.abs(predicted - target)) / denominator


def losses(net, images, gt, labels, counts, step):
    """Terms by name. gt [B, G, 4], labels [B, G], counts [B]: how many of G there are."""
    config, kind = net.config, net.config["model"]["kind"]
    count, batch, size = config["sampling"]["roisPerImage"], images.shape[0], images.shape[1:3]
    p, logits, deltas = net.trunk(images)
    anchors = net.anchors(*size)
    terms = dict(zip(("rpn.objectness", "rpn.box"), rpn_losses(net, logits, deltas, anchors, gt, tf.stack((step, 0)))))
    frozen = [[tf.stop_gradient(x) for x in xs] for xs in (logits, deltas)]
    (first, first_count), (second, second_count) = net.proposals(*frozen, anchors, size)
    atlas = make_atlas(p)

    def is_there(boxes, known):
        return tf.sequence_mask(known, boxes.shape[1])

    candidates = tf.concat((gt, first), 1)
    known = tf.concat((is_there(gt, counts), is_there(first, first_count)), 1)
    assigned = tf.where(known, assign(candidates, gt, 0.5, 0.5), -2)
    index, mask, is_positive = sample(assigned, count, config["sampling"]["roiPositiveFraction"], tf.stack((step, 1)))
    boxes, image, matched = take(candidates, assigned, index, mask)
    features = net.pool(atlas, boxes, image)
    is_object = matched >= 0
    target = tf.where(is_object, tf.gather_nd(labels, tf.stack((image, tf.maximum(matched, 0)), 1)), net.classes)
    scores = net.fc_cls(net.cls_branch(features))
    terms["cls"] = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(target, scores))

    if kind == "faster":
        normalizer = tf.cast(tf.shape(boxes)[0], tf.float32)
        features, boxes, image, matched = (tf.boolean_mask(x, is_object) for x in (features, boxes, image, matched))
    else:
        normalizer = float(count * batch)
        assigned = tf.where(is_there(second, second_count), assign(second, gt, 0.5, 0.5), -2)
        index, _, is_positive = sample(assigned, count, 1.0, tf.stack((step, 2)))
        boxes, image, matched = take(second, assigned, index, is_positive)
        features = net.pool(atlas, boxes, image)
    for k, (branch, fc_reg) in enumerate(zip(net.reg_branches, net.fc_regs)):
        if k > 0:  # boxes that moved away from all ground truth have left
            iou = overlaps(boxes[:, None], tf.gather(gt, image))
            matched, is_object = tf.argmax(iou, 1, tf.int32), tf.reduce_max(iou, 1) >= 0.5
            boxes, image, matched = (tf.boolean_mask(x, is_object) for x in (boxes, image, matched))
            features = net.pool(atlas, boxes, image)
        out, at = fc_reg(branch(features)), tf.stack((image, matched), 1)
        if k == 0:
            out = tf.gather(tf.reshape(out, (-1, net.classes, 4)), tf.gather_nd(labels, at), batch_dims=1)
        target = encode(boxes, tf.gather_nd(gt, at), STAGE_STDS[k])
        terms[f"reg.{k + 1}"] = tf.reduce_sum(tf.abs(out - target)) / normalizer
        boxes = decode(boxes, tf.stop_gradient(out), STAGE_STDS[k], size)
    return terms


def make_step(net, schedule):
    velocities = [tf.Variable(tf.zeros_like(variable), trainable=False) for variable in net.variables]
    momentum, decay, clip = schedule["momentum"], schedule["weightDecay"], schedule["clipGradientNorm"]

    def update(gradients):
        factor = 1.0
        if clip:
            norm = tf.sqrt(2 * tf.add_n([tf.nn.l2_loss(gradient) for gradient in gradients]))
            factor = tf.minimum(clip / (norm + 1e-6), 1)
        for variable, velocity, gradient in zip(net.variables, velocities, gradients):
            pull = gradient * factor + variable * decay
            tf.raw_ops.ResourceApplyMomentum(var=variable.handle, accum=velocity.handle, lr=1e-4, grad=pull, momentum=momentum)

    @tf.function
    def run(images, gt, labels, counts, step):
        with tf.GradientTape() as tape:
            terms = losses(net, images, gt, labels, counts, step)
            weight = 0.5 if len(net.fc_regs) > 1 else 1.0
            total = tf.add_n([value * weight if name.startswith("reg.") else value for name, value in terms.items()])
        update([tf.convert_to_tensor(gradient) for gradient in tape.gradient(total, net.variables)])
        return terms

    return run


def padded_truth(gt):
    """Boxes [B, G, 4], labels [B, G] and counts [B]; zeros fill up an image."""
    counts = [len(g["labels"]) for g in gt]
    most = max(1, *counts)
    boxes = [tf.pad(tf.reshape(tf.constant(g["boxes"], tf.float32), (-1, 4)), [[0, most - n], [0, 0]]) for g, n in zip(gt, counts)]
    labels = [tf.pad(tf.constant(g["labels"], tf.int32), [[0, most - n]]) for g, n in zip(gt, counts)]
    return tf.stack(boxes), tf.stack(labels), tf.constant(counts)


def device_name(device):
    if device == "cpu":
        tf.config.set_visible_devices([], "GPU")
        return "cpu"
    cards = tf.config.list_physical_devices("GPU")
    if not cards:
        sys.exit("this TensorFlow has no GPU")
    return tf.config.experimental.get_device_details(cards[0]).get("device_name", "gpu")


def main():
    job = json.load(sys.stdin)
    config = job["config"]
    refuse_what_is_not_covered(config)
    name = device_name(job["device"])
    if job["threads"]:
        tf.config.threading.set_intra_op_parallelism_threads(job["threads"])
        tf.config.threading.set_inter_op_parallelism_threads(job["threads"])
    tf.random.set_seed(job["seed"])
    # Otherwise the threads of a crop's gradient add to the same cells at once, and some of what they add is lost.
    tf.config.experimental.enable_op_determinism()
    net = Detector(config, len(config.get("classes") or "abcdef"), job["seed"])
    run = make_step(net, config["schedule"])
    images = tf.random.uniform((config["schedule"]["batchSize"], *config["imageSizeHw"], 3), -1, 1)
    truth = padded_truth(job["gt"])
    seconds, loss = [], {}
    for step in range(job["warmUp"] + job["steps"]):
        started = time.perf_counter()
        terms = run(images, *truth, tf.constant(step + 1000 * job["seed"]))
        loss = {term: float(value) for term, value in terms.items()}
        if step >= job["warmUp"]:
            seconds.append(time.perf_counter() - started)
    print(json.dumps({"version": f"tensorflow {tf.__version__}", "device": name, "stepSeconds": seconds, "loss": loss}))


main()
