"""The same detector, losses and optimizer in PyTorch, for `plumbline bench train --python`.

Reads one JSON document from standard input: config (a resolved train.yaml), gt (boxes and labels of each image), steps,
warmUp, threads, device, seed. Prints one: version, device, stepSeconds, loss. Covers kind decoupled and faster, basic
blocks, trained batch norm, fully connected heads; anything else is refused.
"""
import json
import math
import sys
import time

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.ops import batched_nms, box_iou, clip_boxes_to_image, roi_align

STRIDES = (4, 8, 16, 32, 64)
STAGE_STDS = ((0.1, 0.1, 0.2, 0.2), (0.05, 0.05, 0.1, 0.1), (0.033, 0.033, 0.067, 0.067), (0.025, 0.025, 0.05, 0.05))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.down = None
        if stride != 1 or inputs != outputs:
            self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True)))
        return F.relu(y + (x if self.down is None else self.down(x)), inplace=True)


def branch(inputs, hidden):
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(True), nn.Linear(hidden, hidden), nn.ReLU(True))


class Detector(nn.Module):
    def __init__(self, config, classes):
        super().__init__()
        model = config["model"]
        width, blocks = model["backbone"]["width"], model["backbone"]["blocks"]
        channels, ratios = model["fpn"]["channels"], model["anchors"]["ratios"]
        self.config, self.classes = config, classes
        self.stem = nn.Sequential(nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(True), nn.MaxPool2d(3, 2, 1))
        stages, inputs = [], width
        for stage, count in enumerate(blocks):
            outputs = width * 2**stage
            layers = []
            for index in range(count):
                layers.append(Block(inputs, outputs, 2 if stage > 0 and index == 0 else 1))
                inputs = outputs
            stages.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(stages)
        self.lateral = nn.ModuleList(nn.Conv2d(width * 2**i, channels, 1) for i in range(4))
        self.output = nn.ModuleList(nn.Conv2d(channels, channels, 3, 1, 1) for _ in range(4))
        self.rpn = nn.Conv2d(channels, channels, 3, 1, 1)
        self.rpn_cls = nn.Conv2d(channels, len(ratios), 1)
        self.rpn_reg = nn.Conv2d(channels, 4 * len(ratios), 1)
        head = model["head"]
        features, hidden = head["roiSize"] ** 2 * channels, head["fcChannels"]
        self.cls_branch = branch(features, hidden)
        self.fc_cls = nn.Linear(hidden, classes + 1)
        self.reg_branches = nn.ModuleList()
        self.fc_regs = nn.ModuleList()
        for k in range(model["regressors"]):
            self.reg_branches.append(self.cls_branch if k == 0 and head["shared"] else branch(features, hidden))
            self.fc_regs.append(nn.Linear(hidden, 4 * classes if k == 0 else 4))

    def trunk(self, images):
        x = self.stem(images)
        c = []
        for stage in self.stages:
            x = stage(x)
            c.append(x)
        merged = [lateral(x) for lateral, x in zip(self.lateral, c)]
        for i in (2, 1, 0):
            merged[i] = merged[i] + F.interpolate(merged[i + 1], size=merged[i].shape[-2:], mode="nearest")
        p = [output(x) for output, x in zip(self.output, merged)]
        p.append(F.max_pool2d(p[-1], 1, 2))
        logits, deltas = [], []
        for level in p:
            shared = F.relu(self.rpn(level), inplace=True)
            logits.append(self.rpn_cls(shared).permute(0, 2, 3, 1).flatten(1))
            deltas.append(self.rpn_reg(shared).permute(0, 2, 3, 1).reshape(len(images), -1, 4))
        return p, logits, deltas

    def anchors(self, p, device):
        scale, ratios = self.config["model"]["anchors"]["scale"], self.config["model"]["anchors"]["ratios"]
        levels = []
        for level, stride in zip(p, STRIDES):
            h, w = level.shape[-2:]
            sides = [(stride * scale / math.sqrt(r), stride * scale * math.sqrt(r)) for r in ratios]
            base = torch.tensor([(-a / 2, -b / 2, a / 2, b / 2) for a, b in sides], device=device)
            y, x = torch.meshgrid(torch.arange(h, device=device), torch.arange(w, device=device), indexing="ij")
            shift = torch.stack((x, y, x, y), -1).reshape(-1, 1, 4) * stride
            levels.append((shift + base).reshape(-1, 4))
        return levels

    def pool(self, p, rois, scale=None):
        head = self.config["model"]["head"]
        boxes = rois[:, 1:]
        area = (boxes[:, 2] - boxes[:, 0]).clamp(min=0) * (boxes[:, 3] - boxes[:, 1]).clamp(min=0)
        level = torch.floor(torch.log2(torch.sqrt(area) / 56 + 1e-6)).clamp(0, 3).long()
        out = rois.new_zeros(len(rois), p[0].shape[1], head["roiSize"], head["roiSize"])
        for i in range(4):
            index = torch.nonzero(level == i).squeeze(1)
            if len(index):
                out[index] = roi_align(p[i], rois[index], head["roiSize"], 1 / STRIDES[i], head["samplingRatio"], head["aligned"]).to(out.dtype)
        return out.flatten(1)


def decode(boxes, deltas, stds, size, clamp=math.log(1000 / 16)):
    d = deltas * deltas.new_tensor(stds)
    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2 + d[:, 0] * w, (boxes[:, 1] + boxes[:, 3]) / 2 + d[:, 1] * h
    w, h = w * d[:, 2].clamp(-clamp, clamp).exp(), h * d[:, 3].clamp(-clamp, clamp).exp()
    return clip_boxes_to_image(torch.stack((x - w / 2, y - h / 2, x + w / 2, y + h / 2), 1), size)


def encode(boxes, gt, stds):
    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    gw, gh = gt[:, 2] - gt[:, 0], gt[:, 3] - gt[:, 1]
    dx = ((gt[:, 0] + gt[:, 2]) - (boxes[:, 0] + boxes[:, 2])) / 2 / w
    dy = ((gt[:, 1] + gt[:, 3]) - (boxes[:, 1] + boxes[:, 3])) / 2 / h
    return torch.stack((dx, dy, (gw / w).log(), (gh / h).log()), 1) / boxes.new_tensor(stds)


def assign(priors, gt, positive, negative, low_quality=None):
    """Index of the ground truth; -1 background, -2 ignored."""
    overlaps = box_iou(gt, priors)
    best, index = overlaps.max(0)
    result = torch.full_like(index, -2)
    result[best < negative] = -1
    result[best >= positive] = index[best >= positive]
    if low_quality is not None:
        highest = overlaps.max(1).values
        for g in range(len(gt)):
            if highest[g] >= low_quality:
                result[overlaps[g] == highest[g]] = g
    return result


def pick(index, count):
    return index if len(index) <= count else index[torch.randperm(len(index), device=index.device)[:count]]


def sample(assigned, count, fraction):
    positive = pick(torch.nonzero(assigned >= 0).squeeze(1), int(count * fraction))
    return positive, pick(torch.nonzero(assigned == -1).squeeze(1), count - len(positive))


def losses(net, images, gt):
    config = net.config
    sampling, proposals, kind = config["sampling"], config["proposals"], config["model"]["kind"]
    p, logits, deltas = net.trunk(images)
    device, size, batch = images.device, tuple(images.shape[-2:]), len(images)
    levels = net.anchors(p, device)
    anchors = torch.cat(levels)
    all_logits, all_deltas = torch.cat(logits, 1), torch.cat(deltas, 1)
    objectness = box = all_logits.new_zeros(())
    denominator = 0
    for b, (boxes, _) in enumerate(gt):
        assigned = assign(anchors, boxes, 0.7, 0.3, 0.3)
        positive, negative = sample(assigned, sampling["rpnPerImage"], sampling["rpnPositiveFraction"])
        index = torch.cat((positive, negative))
        target = torch.cat((torch.ones(len(positive), device=device), torch.zeros(len(negative), device=device)))
        objectness = objectness + F.binary_cross_entropy_with_logits(all_logits[b, index], target, reduction="sum")
        box = box + (all_deltas[b, positive] - encode(anchors[positive], boxes[assigned[positive]], (1, 1, 1, 1))).abs().sum()
        denominator += max(1, len(positive)) + max(1, len(negative))
    terms = {"rpn.objectness": objectness / denominator, "rpn.box": box / denominator}

    sets = []
    with torch.no_grad():
        for b in range(batch):
            kept_boxes, kept_scores, kept_level = [], [], []
            for i, level in enumerate(levels):
                score, index = logits[i][b].topk(min(proposals["trainPreNms"], len(level)))
                kept_boxes.append(decode(level[index], deltas[i][b, index], (1, 1, 1, 1), size))
                kept_scores.append(score)
                kept_level.append(torch.full_like(index, i))
            boxes, scores, level = torch.cat(kept_boxes), torch.cat(kept_scores), torch.cat(kept_level)
            both = []
            for threshold in (proposals["nmsClassification"], proposals["nmsRegression"]):
                if both and (kind != "decoupled" or threshold == proposals["nmsClassification"]):
                    both.append(both[0])
                else:
                    both.append(boxes[batched_nms(boxes, scores, level, threshold)[: proposals["trainPostNms"]]])
            sets.append(both)

    count = sampling["roisPerImage"]
    rois, labels, matched, is_positive = [], [], [], []
    for b, (boxes, classes) in enumerate(gt):
        candidates = torch.cat((boxes, sets[b][0]))
        assigned = assign(candidates, boxes, 0.5, 0.5)
        positive, negative = sample(assigned, count, sampling["roiPositiveFraction"])
        index = torch.cat((positive, negative))
        rois.append(torch.cat((torch.full((len(index), 1), float(b), device=device), candidates[index]), 1))
        labels.append(torch.cat((classes[assigned[positive]], torch.full((len(negative),), net.classes, device=device))))
        matched.append(boxes[assigned[positive]])
        is_positive.append(torch.arange(len(index), device=device) < len(positive))
    rois, labels, is_positive = torch.cat(rois), torch.cat(labels), torch.cat(is_positive)
    features = net.pool(p, rois)
    terms["cls"] = F.cross_entropy(net.fc_cls(net.cls_branch(features)), labels)

    if kind == "faster":
        rows, row_labels, row_gt = rois[is_positive], labels[is_positive], torch.cat(matched)
    else:
        rows, row_labels, row_gt = regression_rows([s[1] for s in sets], gt, count, device)
    for k in range(config["model"]["regressors"]):
        name = f"reg.{k + 1}"
        if len(rows) == 0:
            terms[name] = all_logits.new_zeros(())
            continue
        out = net.fc_regs[k](net.reg_branches[k](net.pool(p, rows)))
        if k == 0:
            out = out.reshape(len(rows), -1, 4)[torch.arange(len(rows), device=device), row_labels]
        normalizer = count * batch if kind == "decoupled" else len(rois)
        terms[name] = (out - encode(rows[:, 1:], row_gt, STAGE_STDS[k])).abs().sum() / normalizer
        if k + 1 < config["model"]["regressors"]:
            with torch.no_grad():
                moved = decode(rows[:, 1:], out, STAGE_STDS[k], size)
                per_image = [moved[rows[:, 0] == b] for b in range(batch)]
            rows, row_labels, row_gt = regression_rows(per_image, gt, count, device)
    weight = 0.5 if config["model"]["regressors"] > 1 else 1.0
    total = sum(value * (weight if name.startswith("reg.") else 1.0) for name, value in terms.items())
    return total, terms


def regression_rows(candidates, gt, count, device):
    rows, labels, matched = [], [], []
    for b, (boxes, classes) in enumerate(gt):
        if len(candidates[b]) == 0:
            continue
        assigned = assign(candidates[b], boxes, 0.5, 0.5)
        index = pick(torch.nonzero(assigned >= 0).squeeze(1), count)
        rows.append(torch.cat((torch.full((len(index), 1), float(b), device=device), candidates[b][index]), 1))
        labels.append(classes[assigned[index]])
        matched.append(boxes[assigned[index]])
    if not rows:
        empty = torch.zeros(0, 4, device=device)
        return torch.zeros(0, 5, device=device), torch.zeros(0, dtype=torch.long, device=device), empty
    return torch.cat(rows), torch.cat(labels), torch.cat(matched)


def main():
    job = json.load(sys.stdin)
    config = job["config"]
    backbone, head = config["model"]["backbone"], config["model"]["head"]
    if config["model"]["kind"] not in ("decoupled", "faster") or backbone["block"] != "basic" or backbone["norm"] != "batch" or head["branch"] != "fc":
        sys.exit("this peer covers kind decoupled and faster with basic blocks, batch norm and fully connected heads")
    torch.manual_seed(job["seed"])
    if job["threads"]:
        torch.set_num_threads(job["threads"])
    device = torch.device(job["device"])
    torch.backends.cudnn.benchmark = True
    classes = len(config.get("classes") or "abcdef")
    net = Detector(config, classes).to(device, memory_format=torch.channels_last).train()
    schedule = config["schedule"]
    optimizer = torch.optim.SGD(net.parameters(), 1e-4, schedule["momentum"], weight_decay=schedule["weightDecay"])
    height, width = config["imageSizeHw"]
    images = torch.rand(schedule["batchSize"], 3, height, width) * 2 - 1
    images = images.to(device, memory_format=torch.channels_last)
    gt = [(torch.tensor(g["boxes"], device=device).reshape(-1, 4), torch.tensor(g["labels"], device=device)) for g in job["gt"]]
    seconds = []
    terms = {}
    for step in range(job["warmUp"] + job["steps"]):
        started = time.perf_counter()
        total, terms = losses(net, images, gt)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        if schedule["clipGradientNorm"]:
            nn.utils.clip_grad_norm_(net.parameters(), schedule["clipGradientNorm"])
        optimizer.step()
        loss = {name: value.item() for name, value in terms.items()}
        if device.type == "cuda":
            torch.cuda.synchronize()
        if step >= job["warmUp"]:
            seconds.append(time.perf_counter() - started)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    print(json.dumps({"version": f"torch {torch.__version__}, torchvision {torchvision.__version__}", "device": name, "stepSeconds": seconds, "loss": loss}))


main()
