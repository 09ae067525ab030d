"""Fake servers that speak the real wires: HTTP and WebSocket, as strict as what they stand for."""
