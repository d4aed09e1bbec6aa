"""The DNS domain and the QoS policy of a network, which the OpenStack plugin cannot take away again."""
