#!/usr/bin/python3
"""Speaks to a Cumulo cloud over its message bus: creates a zone, then prints canonical events.

    CUMULO_PASSWORD=... bus_client.py amqp://user:password@host/vhost ZONE_NAME

Needs pika (Debian: python3-pika). The format: docs/message-bus.md.
"""
import hashlib
import json
import os
import sys
import uuid

import pika


class Bus:
    def __init__(self, url):
        self.channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
        self.replies = self.declare()

    def declare(self):
        """A queue of our own; it goes when we go."""
        return self.channel.queue_declare("client." + uuid.uuid4().hex, exclusive=True).method.queue

    def call(self, api, timeout=60, **params):
        """Sends an API message and answers with the value of its reply."""
        correlation = uuid.uuid4().hex
        properties = pika.BasicProperties(
            content_type="application/json", message_id=correlation, correlation_id=correlation,
            reply_to=self.replies, delivery_mode=2, headers={"timeout": timeout * 1000})
        self.channel.basic_publish("P2P", "zstack.message.api.portal", json.dumps({api: params}), properties)
        for method, received, body in self.channel.consume(self.replies, auto_ack=True, inactivity_timeout=timeout):
            if method is None:
                raise TimeoutError(f"{api} was not answered within {timeout} s")
            if received.correlation_id == correlation:
                self.channel.cancel()
                (name, reply), = json.loads(body).items()
                if name == "error" or not reply["success"]:
                    raise RuntimeError(f"{api}: {json.dumps(reply)}")
                return reply

    def events(self, pattern="canonical.#"):
        """A function that gives the events from now on, one after another."""
        queue = self.declare()
        self.channel.queue_bind(queue, "BROADCAST", routing_key=pattern)
        return lambda: (
            (properties.headers["path"], next(iter(json.loads(body).values())))
            for _, properties, body in self.channel.consume(queue, auto_ack=True))


def main(url, name):
    bus = Bus(url)
    events = bus.events()
    password = hashlib.sha512(os.environ["CUMULO_PASSWORD"].encode()).hexdigest()
    session = bus.call("APILogInByAccountMsg", accountName="admin", password=password)["inventory"]["uuid"]
    zone = bus.call("org.zstack.header.zone.APICreateZoneMsg", session={"uuid": session}, name=name)["inventory"]
    print("zone", zone["uuid"], zone["name"], flush=True)
    for path, event in events():
        print("event", path, json.dumps(event), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
