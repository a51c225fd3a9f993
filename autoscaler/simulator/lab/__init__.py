"""The laboratory: traces, a fast simulation of the platform, references and peers."""
