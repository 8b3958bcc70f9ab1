from django.apps import AppConfig


class TenColumnsConfig(AppConfig):  # type: ignore[misc]  # Django has no types
    name = "tests.djangoapp.tencolumns"
    label = "django_simple_queue"
