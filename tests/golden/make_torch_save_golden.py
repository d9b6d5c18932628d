"""Makes torch_save.pt, the file of tests/core/io/torch_file_test.cpp: a checkpoint as PyTorch's training scripts save it.

    pip install torch==2.11.0 numpy
    python tests/golden/make_torch_save_golden.py tests/golden/torch_save.pt
"""

import sys

import torch

model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.SiLU(), torch.nn.Linear(3, 2).half())
with torch.no_grad():
    for i, parameter in enumerate(model.parameters()):
        parameter.copy_(torch.arange(parameter.numel()).reshape(parameter.shape) / 4 + i)
optimizer = torch.optim.Adam(model[:1].parameters())
model[0](torch.ones(1, 2)).sum().backward()
optimizer.step()
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
storage = torch.arange(8)
torch.save({"ema_model": model.state_dict(), "optim": optimizer.state_dict(), "sched": schedule.state_dict(), "step": 3,
            "parameter": torch.nn.Parameter(torch.tensor([1.5])), "part": storage[5:]}, sys.argv[1])
