"""A JupyterHub for a class on one machine. The instructor's guide says how to start it.

Students log in with their accounts on the machine. Everybody has a server of one's own, with the environment that
binder/requirements.txt describes; a link that nbgitpuller understands brings the chapters into one's home.
"""

c = get_config()  # noqa: F821

c.JupyterHub.bind_url = "http://127.0.0.1:8000"          # put a web server with HTTPS in front of it
c.JupyterHub.hub_bind_url = "http://127.0.0.1:8081"
c.Authenticator.allow_all = True                         # every account of the machine; list some instead
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = 120

# Memory is what limits a class: a kernel that nobody has used for half an hour ends, and so does the server after an hour.
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=1800",
    "--MappingKernelManager.cull_interval=300",
    "--ServerApp.shutdown_no_activity_timeout=3600",
]
