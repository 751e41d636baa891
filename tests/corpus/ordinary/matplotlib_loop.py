# SPDX-License-Identifier: Apache-2.0
"""A figure for each day, saved and closed."""

import io

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

size = 0
for day in range(12):
    figure, (above, below) = plt.subplots(2)
    above.plot(np.sin(np.linspace(0, day + 1, 300)), label=f"day {day}")
    above.legend()
    below.hist(np.random.default_rng(day).normal(size=1000), bins=30)
    below.set_title(f"Day {day}")
    file = io.BytesIO()
    figure.savefig(file, dpi=60)
    plt.close(figure)
    size += len(file.getvalue())
print(size > 0)
