"""Trains torchvision's mobilenet_v3_small the way its users do, and prints how fast as JSON.

`files`: pictures are decoded anew each epoch by the DataLoader's workers; `memory`: decoded once
and kept by them; `network`: one batch that lies ready, nothing but training steps.
"""
import argparse
import json
import time

import torch
import torchvision
from PIL import Image
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchvision.transforms import v2

parser = argparse.ArgumentParser()
parser.add_argument("mode", choices=["version", "files", "memory", "network"])
parser.add_argument("--data")
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--input-size", type=int, default=128)
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--steps", type=int, default=20)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--device", default="cpu")
options = parser.parse_args()
device = torch.device(options.device)
SIDE = options.input_size
KEPT_SIDE = 256


def augment():
    """Of the trainer's kind and probabilities: one warp, light, resolution, blur, noise, JPEG,
    a covered rectangle; no hue, no saturation."""
    lower = v2.Compose([v2.RandomResize(24, SIDE), v2.Resize((SIDE, SIDE))])
    return v2.Compose(
        [
            v2.RandomResizedCrop(SIDE, scale=(0.42, 1.0), ratio=(0.7, 1.4)),
            v2.RandomHorizontalFlip(),
            v2.RandomRotation(12, interpolation=v2.InterpolationMode.BILINEAR),
            v2.RandomApply([lower], 0.4),
            v2.ColorJitter(brightness=0.3, contrast=0.3),
            v2.RandomApply([v2.GaussianBlur(3)], 0.2),
            v2.PILToTensor(),
            v2.RandomApply([v2.JPEG((25, 80))], 0.15),
            v2.ToDtype(torch.float32, scale=True),
            v2.RandomApply([v2.GaussianNoise(sigma=0.02)], 0.3),
            v2.RandomErasing(0.2, scale=(0.01, 0.1)),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )


class Kept(torch.utils.data.Dataset):
    """A folder's pictures, decoded once."""

    def __init__(self, folder, transform):
        self.items = [(self.small(path), label) for path, label in folder.samples]
        self.transform = transform

    @staticmethod
    def small(path):
        picture = Image.open(path).convert("RGB")
        picture.thumbnail((KEPT_SIDE, KEPT_SIDE))
        return picture

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        picture, label = self.items[index]
        return self.transform(picture), label


def network(classes):
    torch.manual_seed(0)
    model = torchvision.models.mobilenet_v3_small(num_classes=classes).train()
    model = model.to(device, memory_format=torch.channels_last)
    return model, torch.optim.AdamW(model.parameters(), lr=0.002, weight_decay=0.02)


def now():
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def steps_alone():
    model, optimiser = network(2)
    loss_of = nn.CrossEntropyLoss()
    inputs = torch.randn(options.batch_size, 3, SIDE, SIDE, device=device)
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    labels = torch.arange(options.batch_size, device=device) % 2
    for step in range(options.steps + 1):
        if step == 1:
            started = now()
        loss = loss_of(model(inputs), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()
    return options.steps * options.batch_size / (now() - started)


def whole():
    folder = torchvision.datasets.ImageFolder(options.data, transform=augment())
    data = Kept(folder, augment()) if options.mode == "memory" else folder
    loader = torch.utils.data.DataLoader(
        data,
        options.batch_size,
        shuffle=True,
        num_workers=options.threads,
        persistent_workers=True,
        pin_memory=device.type == "cuda",
    )
    model, optimiser = network(len(folder.classes))
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.995), use_buffers=True)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.1)
    for _ in range(options.epochs):
        started, done, right = now(), 0, 0
        for inputs, labels in loader:
            inputs = inputs.to(device, non_blocking=True, memory_format=torch.channels_last)
            labels = labels.to(device, non_blocking=True)
            logits = model(inputs)
            loss = loss_of(logits, labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            average.update_parameters(model)
            loss.item()
            right += (logits.argmax(1) == labels).sum().item()
            done += len(labels)
        rate = done / (now() - started)
    return rate


torch.set_num_threads(options.threads)
answer = {"torch": torch.__version__, "torchvision": torchvision.__version__}
answer["cuda"] = torch.cuda.is_available()
if options.mode != "version":
    answer["images_per_second"] = steps_alone() if options.mode == "network" else whole()
print(json.dumps(answer))
