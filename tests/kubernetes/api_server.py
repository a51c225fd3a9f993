"""A real Kubernetes API server for tests: etcd, kube-apiserver and, where asked for, controllers.

There are no nodes: Pods are admitted and stay Pending. The programs are found as envtest of
controller-runtime finds them, in the folder that KUBEBUILDER_ASSETS names; `.ci/kubernetes-assets`
fills one.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ADMIN_TOKEN = "token-of-the-test-administrator"
ISSUER = "https://kubernetes.default.svc"
START_LIMIT_S = 120.0
STOP_LIMIT_S = 30.0
CALL_LIMIT_S = 60.0
CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
)

_numbers = count(1)


class KubectlError(AssertionError):
    """kubectl ended badly; the message is what it said."""


@dataclass(frozen=True, slots=True)
class ApiServer:
    """A running API server, and how to talk to it.

    Attributes:
        url: https address. ca_file: certificate to trust. kubeconfig: the administrator's.
        assets: folder of the programs. home: folder for files of this server.
        process: the kube-apiserver itself.
    """

    url: str
    ca_file: Path
    kubeconfig: Path
    assets: Path
    home: Path
    process: subprocess.Popen[bytes]

    def kubectl(self, *args: str, stdin: str | None = None, kubeconfig: Path | None = None) -> str:
        """Run kubectl, as the administrator or as another kubeconfig says; return its output.

        Raises:
            KubectlError: it ended badly.
        """
        done = subprocess.run(
            [self.assets / "kubectl", "--kubeconfig", kubeconfig or self.kubeconfig, *args],
            input=stdin, capture_output=True, text=True, timeout=CALL_LIMIT_S, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home)},
        )  # fmt: skip
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(args)}: {done.stdout}{done.stderr}")
        return done.stdout

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any]:
        """Return one object."""
        return dict(json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json")))

    def list(self, kind: str, namespace: str, selector: str = "") -> list[dict[str, Any]]:
        """Return the objects of a kind, those that match a label selector."""
        args = ("get", kind, "-n", namespace, "-l", selector, "-o", "json")
        return list(json.loads(self.kubectl(*args))["items"])

    def make_namespace(self, prefix: str = "test", **labels: str) -> str:
        """Make a namespace of a name that no other test has; underscores in labels are dashes."""
        name = f"{prefix}-{next(_numbers)}"
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for key, value in labels.items():
            label = f"pod-security.kubernetes.io/{key.replace('_', '-')}={value}"
            self.kubectl("label", "namespace", name, label)
        return name

    def apply(self, *objects: Mapping[str, Any] | str, namespace: str | None = None) -> str:
        """Apply objects, or YAML text, on the server's side."""
        texts = [o if isinstance(o, str) else yaml.safe_dump(dict(o)) for o in objects]
        where = () if namespace is None else ("-n", namespace)
        return self.kubectl(
            "apply", "--server-side", *where, "-f", "-", stdin="\n---\n".join(texts)
        )

    def make_account(self, namespace: str, name: str, rules: Sequence[Mapping[str, Any]]) -> Path:
        """Make a service account with a Role of these rules; return its kubeconfig."""
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        meta = {"name": name, "namespace": namespace}
        rbac = "rbac.authorization.k8s.io/v1"
        subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        self.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
            {"apiVersion": rbac, "kind": "Role", "metadata": meta, "rules": list(rules)},
            {"apiVersion": rbac, "kind": "RoleBinding", "metadata": meta,
             "roleRef": role, "subjects": [subject]},
        )  # fmt: skip
        return self.kubeconfig_for(self.token(namespace, name), namespace)

    def token(self, namespace: str, account: str) -> str:
        """Return a token of a service account, good for an hour."""
        return self.kubectl("create", "token", account, "-n", namespace).strip()

    def kubeconfig_for(self, token: str, namespace: str = "default") -> Path:
        """Write a kubeconfig for the bearer of a token."""
        path = self.home / f"kubeconfig-{next(_numbers)}"
        path.write_text(_kubeconfig(self.url, self.ca_file, token, namespace))
        return path

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the server's process for a while: connections stand, and nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@dataclass(slots=True)
class _Programs:
    """Starts programs of the assets folder; what they say goes into files."""

    assets: Path
    home: Path
    stack: ExitStack
    logs: dict[str, Path] = field(default_factory=dict)

    def start(self, name: str, *args: str) -> subprocess.Popen[bytes]:
        log = self.logs[name] = self.home / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [self.assets / name, *args], stdout=out, stderr=out, cwd=self.home
            )
        self.stack.callback(_end, process)
        return process

    def await_ready(
        self, name: str, process: subprocess.Popen[bytes], url: str, ca_file: Path | None
    ) -> None:
        """Wait until the address answers with 200.

        Raises:
            RuntimeError: the program ended, or was not ready in time; with its last words.
        """
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        verify = ssl.create_default_context(cafile=ca_file)
        deadline = time.monotonic() + START_LIMIT_S  # noqa: TID251 - waits for a real process
        with httpx.Client(verify=verify, trust_env=False, headers=headers, timeout=5.0) as client:
            while time.monotonic() < deadline:  # noqa: TID251
                if process.poll() is not None:
                    break
                try:
                    if client.get(url).status_code == httpx.codes.OK:
                        return
                except httpx.TransportError:
                    pass
                time.sleep(0.1)
        raise RuntimeError(f"{name} did not become ready: {self.last_words(name)}")

    def last_words(self, name: str) -> str:
        return "\n".join(self.logs[name].read_text(errors="replace").splitlines()[-20:])


@contextmanager
def api_server(assets: Path, home: Path) -> Iterator[ApiServer]:
    """Run etcd and kube-apiserver (RBAC, Pod Security admission) until the end of the context."""
    with ExitStack() as stack:
        programs = _Programs(assets, home, stack)
        store = _start_etcd(programs, home)
        url = f"https://127.0.0.1:{_free_port()}"
        ca_file = _write_keys(home)
        process = programs.start("kube-apiserver", *_server_flags(url, store, home))
        programs.await_ready("kube-apiserver", process, f"{url}/readyz", ca_file)
        kubeconfig = home / "kubeconfig-admin"
        kubeconfig.write_text(_kubeconfig(url, ca_file, ADMIN_TOKEN, "default"))
        yield ApiServer(url, ca_file, kubeconfig, assets, home, process)


@contextmanager
def controllers(server: ApiServer) -> Iterator[None]:
    """Run the controllers that turn Deployments into Pods and clear deleted namespaces."""
    with ExitStack() as stack:
        programs = _Programs(server.assets, server.home, stack)
        port = _free_port()
        process = programs.start(
            "kube-controller-manager",
            f"--kubeconfig={server.kubeconfig}",
            f"--controllers={','.join(CONTROLLERS)}",
            f"--service-account-private-key-file={server.home / 'sa.key'}",
            f"--tls-cert-file={server.home / 'server.crt'}",
            f"--tls-private-key-file={server.home / 'server.key'}",
            f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
        )
        url = f"https://127.0.0.1:{port}/healthz"
        programs.await_ready("kube-controller-manager", process, url, server.ca_file)
        yield


def _start_etcd(programs: _Programs, home: Path) -> str:
    url, peers = (f"http://127.0.0.1:{_free_port()}" for _ in range(2))
    process = programs.start(
        "etcd",
        f"--data-dir={home / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--unsafe-no-fsync",
    )
    programs.await_ready("etcd", process, f"{url}/health", None)
    return url


def _server_flags(url: str, store: str, home: Path) -> tuple[str, ...]:
    return (
        f"--etcd-servers={store}",
        "--bind-address=127.0.0.1",
        f"--secure-port={url.rpartition(':')[2]}",
        f"--tls-cert-file={home / 'server.crt'}",
        f"--tls-private-key-file={home / 'server.key'}",
        f"--token-auth-file={home / 'tokens.csv'}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--authorization-mode=RBAC",
        f"--service-account-key-file={home / 'sa.pub'}",
        f"--service-account-signing-key-file={home / 'sa.key'}",
        f"--service-account-issuer={ISSUER}",
        "--disable-admission-plugins=ServiceAccount",
    )


def _write_keys(home: Path) -> Path:
    """Write certificates, service-account keys and the administrator's token; return the CA's."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    ca_file = home / "ca.crt"
    authority.cert_pem.write_to_path(str(ca_file))
    (home / "server.crt").write_bytes(b"".join(p.bytes() for p in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(str(home / "server.key"))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (home / "sa.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    (home / "sa.pub").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    with (home / "tokens.csv").open("w", newline="") as file:
        csv.writer(file).writerow([ADMIN_TOKEN, "admin", "admin", "system:masters"])
    return ca_file


def _kubeconfig(url: str, ca_file: Path, token: str, namespace: str) -> str:
    cluster = {"server": url, "certificate-authority": str(ca_file)}
    context = {"cluster": "test", "user": "test", "namespace": namespace}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": context}],
            "current-context": "test",
        }
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGCONT)  # a test may have frozen it
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
