from kubernetes_objects import pod_problem


def waiting(reason: str, container: str = "server") -> dict:
    state = {"waiting": {"reason": reason, "message": f"{reason} of an image"}}
    return {"status": {"containerStatuses": [{"name": container, "restartCount": 0, "state": state}]}}


def test_all_reasons_of_an_image_that_cannot_be_pulled_are_one_problem():
    first, second, other = (
        pod_problem(pod, 900)
        for pod in (waiting("ErrImagePull"), waiting("ImagePullBackOff"), waiting("ErrImagePull", "sidecar"))
    )
    assert first and second and other
    assert second.is_still(first)
    assert not other.is_still(first)


def test_containers_lost_with_their_node_never_count_as_crashed():
    def ended(reason: str) -> dict:
        last = {"terminated": {"exitCode": 255, "reason": reason}}
        container = {"name": "server", "restartCount": 5, "state": {}, "lastState": last}
        return {"status": {"containerStatuses": [container]}}

    assert pod_problem(ended("Unknown"), 900) is None
    assert pod_problem(ended("ContainerStatusUnknown"), 900) is None
    assert pod_problem(ended("Error"), 900).crashed == "server"
