"""Make the data files of this folder from the packages that carry the originals.

Run once, in an environment of its own: pip install scikit-learn==1.9.1 statsmodels==0.15.0
scikit-image==0.26.0 networkx==3.6.1, then ``python make_files.py``. Sources and licences: README.md.
"""

import csv
from pathlib import Path

import networkx
import numpy as np
import skimage.data
import sklearn.datasets
import statsmodels.api

HERE = Path(__file__).parent


def write_csv(name, header, rows):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


digits = sklearn.datasets.load_digits()
np.savez_compressed(HERE / "digits.npz", images=digits.images.astype(np.uint8),
                    labels=digits.target.astype(np.uint8))

wine = sklearn.datasets.load_wine()
write_csv("wine.csv", [*wine.feature_names, "class"],
          [[*(f"{v:g}" for v in row), label] for row, label in zip(wine.data, wine.target)])

sunspots = statsmodels.api.datasets.sunspots.load_pandas().data
write_csv("sunspots.csv", ["year", "number"],
          [[int(year), f"{number:g}"] for year, number in sunspots.itertuples(index=False)])

karate = networkx.karate_club_graph()
club = [karate.nodes[k]["club"] for k in range(34)]
np.savez_compressed(HERE / "karate_club.npz", edges=np.array(sorted(karate.edges()), dtype=np.uint8),
                    labels=np.array([name == "Officer" for name in club], dtype=np.uint8))

colour = skimage.data.coffee()[:384, 90:474].astype(float)  # 384 x 384, the cup in the middle
grey = colour @ [0.2126, 0.7152, 0.0722]                    # luminance, ITU-R BT.709
small = grey.reshape(128, 3, 128, 3).mean(axis=(1, 3))
np.savez_compressed(HERE / "photograph.npz", image=np.round(small).astype(np.uint8))
