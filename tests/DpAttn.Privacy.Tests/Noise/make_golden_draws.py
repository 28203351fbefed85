"""Makes golden_draws.csv: sampler version 1 in another language, from secret to draws (needs the package `cryptography`)."""
import hashlib
import hmac
import math
import struct
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

VALUES, BLOCK = 10_000, 4096


def sha(data):
    return hashlib.sha256(data).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def words(key):
    """AES-256-CTR from counter 0, as little-endian 64-bit words."""
    stream = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    while True:
        yield from struct.unpack("<512Q", stream.update(bytes(4096)))


def toss(w, n, d):
    """True with probability n/d: a uniform real, 64 bits at a time, below n/d."""
    while True:
        n = (n << 64) - next(w) * d
        if n <= 0:
            return False
        if n >= d:
            return True


def odd_run(w, n, d, certain=0):
    """True with probability e^-(n/d); the toss of probability 1 is not drawn."""
    k = 1 + certain
    while toss(w, n, d * k):
        k += 1
    return k % 2 == 1


def uniform(w, bound):
    while True:
        product = next(w) * bound
        if product % 2**64 >= 2**64 % bound:
            return product >> 64


def draw(w, n, m):
    """N_Z(0, n/m), Canonne, Kamath, Steinke (2020)."""
    t = math.isqrt(n // m) + 1
    while True:
        u = uniform(w, t)
        if not odd_run(w, u, t):
            continue
        steps = 0
        while steps < 63 and odd_run(w, 1, 1, 1):
            steps += 1
        if steps == 63:
            continue
        y = u + steps * t
        negative = next(w) & 1
        if negative and y == 0:
            continue
        gap, one = (y * t * m - n) ** 2, 2 * n * m * t * t
        if all(odd_run(w, 1, 1, 1) for _ in range(gap // one)) and odd_run(w, gap % one, one):
            return -y if negative else y


def noise(key, mechanism, tier, node, variance):
    values = []
    for block in range(-(-VALUES // BLOCK)):
        fields = [b"dpattn noise address", struct.pack(">q", 1), mechanism.encode(), struct.pack(">q", tier), struct.pack(">q", node),
                  struct.pack(">q", block), variance.to_bytes(16, "big")]
        w = words(mac(key, b"".join(struct.pack(">i", len(f)) + f for f in fields)))
        values += [draw(w, variance, 1) for _ in range(min(BLOCK, VALUES - len(values)))]
    return values


release_key = mac(mac(sha(b"golden manifest"), sha(b"golden secret")), b"dpattn release noise\x01")
print("# sampler version 1: address, the first eight values, SHA-256 of the first 10,000 (little-endian); made by make_golden_draws.py")
print("mechanism,tier,node,variance,first,digest")
for address in [("moment-tree", 0, 1, 1), ("moment-tree", 1, 1, 2**48), ("moment-tree", 2, 1, 2**70), ("distance-tree", 0, 77, 2**70 - 12345),
                ("per-query", 3, 2**63 - 1, 2**114)]:
    v = noise(release_key, *address)
    print(*address, " ".join(map(str, v[:8])), sha(struct.pack(f"<{VALUES}q", *v)).hex(), sep=",")
